// The WebSocket: opened again by itself where it is lost, after a wait that doubles.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;
const STEADY_MS = 5000; // a connection that lasted so long was a good one: the next wait is the first one again
const ASKING_MS = 5000;
const GOING_AWAY = 1001;
const LOST = 1006;
const FULL = 1013;
const WORDS = { 1009: "A picture was too large for the server." };

export class Connection extends EventTarget {
  #socket = null;
  #waitMs = FIRST_WAIT_MS;
  #timer = 0;
  #openedAt = 0;
  #mayBeRefused = false; // a handshake that is answered with a status looks to a page like a lost connection

  constructor(path) {
    super();
    this.url = new URL(path, location.href);
    this.url.protocol = this.url.protocol === "https:" ? "wss:" : "ws:";
    addEventListener("online", () => this.#retryNow());
    document.addEventListener("visibilitychange", () => document.hidden || this.#retryNow());
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  open() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#openedAt = performance.now();
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.#emit("message", JSON.parse(data));
      else this.#emit("picture", parsePicture(data));
    };
    socket.onclose = (event) => this.#closed(event);
    this.#socket = socket;
  }

  send(data) {
    if (this.isOpen) this.#socket.send(typeof data === "object" && !isBinary(data) ? JSON.stringify(data) : data);
  }

  #closed({ code, reason }) {
    if (this.#openedAt && performance.now() - this.#openedAt > STEADY_MS) this.#waitMs = FIRST_WAIT_MS;
    this.#openedAt = 0;
    const refused = ![GOING_AWAY, LOST, FULL, 1000].includes(code);
    const waitMs = this.#waitMs * (0.75 + Math.random() / 2); // many viewers must not come back at the same moment
    this.#waitMs = Math.min(2 * this.#waitMs, LONGEST_WAIT_MS);
    this.#mayBeRefused = code === LOST;
    this.#timer = setTimeout(() => this.#openAgain(), waitMs);
    this.#emit("lost", { refused, full: code === FULL, reason: reason || WORDS[code] || "", waitMs });
  }

  #retryNow() {
    if (!this.#timer) return;
    this.#waitMs = FIRST_WAIT_MS;
    this.#openAgain();
  }

  // Where the server no longer knows the viewer, as after a start with another token, its page says what to do.
  async #openAgain() {
    clearTimeout(this.#timer);
    this.#timer = 0; // only one at a time
    if (this.#mayBeRefused && (await isRefused())) location.reload();
    else this.open();
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

async function isRefused() {
  try {
    const { status } = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(ASKING_MS) });
    return status === 401 || status === 403;
  } catch {
    return false; // nobody answers: that is no refusal
  }
}

function isBinary(data) {
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data) || data instanceof Blob;
}

// A masked picture: its number, the time in the server, how many the server has dropped, and a JPEG.
function parsePicture(buffer) {
  const header = new DataView(buffer);
  return {
    number: header.getUint32(0),
    serverMs: header.getUint32(4) / 1000,
    dropped: header.getUint32(8),
    jpeg: new Blob([new Uint8Array(buffer, 12)], { type: "image/jpeg" }),
  };
}
