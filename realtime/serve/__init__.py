"""The browser view: `unveil serve`. See docs/browser.md."""
