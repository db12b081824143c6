// The form: what the server offers becomes controls, and the controls become settings.

const KEPT = "unveil-settings";
const NAMES = {
  overlay: "Overlay",
  cutout: "Cutout",
  blur: "Blur",
  alpha: "Matte",
  labels: "Labels",
};
const SVG = "http://www.w3.org/2000/svg";

export class Controls extends EventTarget {
  #form;
  #hello = { renderers: [], models: [], source: null };
  #labels = [];
  #hidden = new Set(); // labels that are not shown, of whatever model
  #shown = "nothing";

  constructor(form) {
    super();
    this.#form = form;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", ({ target }) => this.#changed(target));
    this.#restore();
  }

  // What the server offers.
  offer(hello) {
    this.#hello = hello;
    const model = this.#value("model") || this.#kept.model;
    const render = this.#value("render") || this.#kept.render;
    const select = this.#form.elements.model;
    select.replaceChildren(...hello.models.map((name) => new Option(name)));
    select.value = hello.models.includes(model) ? model : hello.model;
    const chosen = hello.renderers.some((each) => each.name === render) ? render : hello.renderers[0].name;
    const choices = hello.renderers.map(({ name }) => choice("radio", "render", name, NAMES[name] ?? name, name === chosen));
    this.#form.querySelector("#renderers").replaceChildren(...choices);
    this.#form.querySelector("#sources").hidden = hello.source === null;
    this.#form.querySelector("#source-name").textContent = hello.source ?? "Server";
    if (hello.source === null && this.#shown === "server") this.#shown = "nothing";
    this.#fit();
  }

  // The model that the server runs now.
  explain({ description, labels }) {
    this.#labels = labels;
    this.#form.querySelector("#engine").textContent = description;
    const chips = labels.map(({ name, rgb }) => {
      const chip = choice("checkbox", "label", name, name, !this.#hidden.has(name));
      chip.querySelector("span").prepend(dot(rgb));
      return chip;
    });
    this.#form.querySelector("#labels .chips").replaceChildren(...chips);
    this.#fit();
  }

  offerCameras(devices, current) {
    const select = this.#form.elements.device;
    select.replaceChildren(...devices.map((each, index) => new Option(each.label || `Camera ${index + 1}`, each.deviceId)));
    if (current) select.value = current;
    this.#form.querySelector("#devices").hidden = devices.length < 2;
  }

  get device() {
    return this.#form.elements.device.value;
  }

  get shown() {
    return this.#shown;
  }

  set shown(shown) {
    this.#shown = shown;
    for (const radio of this.#form.querySelectorAll("[name=shown]")) radio.checked = radio.value === shown;
    this.#keep();
  }

  // As the server takes them.
  get settings() {
    const form = this.#form.elements;
    const background = this.#value("background");
    const names = this.#labels.map(({ name }) => name);
    const isAnyHidden = names.some((name) => this.#hidden.has(name));
    return {
      shown: this.#shown,
      model: form.model.value || this.#hello.model,
      render: this.#value("render"),
      smooth: form.smooth.checked,
      keep_occluders: form.keep_occluders.checked,
      opacity: Number(form.opacity.value),
      shown_labels: isAnyHidden ? names.filter((name) => !this.#hidden.has(name)) : null,
      background: background === "colour" ? form.colour.value : background || null,
    };
  }

  #changed(target) {
    if (target.name === "label") this.#hidden[target.checked ? "delete" : "add"](target.value);
    this.#fit();
    this.#keep();
    if (target.name === "shown") this.#emit("shown", target.value);
    else if (target.name === "device") this.#emit("device", target.value);
    else this.#emit("change");
  }

  // Show only what has an effect.
  #fit() {
    const form = this.#form;
    const renderer = this.#hello.renderers.find((each) => each.name === this.#value("render")) ?? {};
    const background = this.#value("background");
    const hasOcclusion = this.#labels.some(({ name }) => name === "occlusion");
    const isOverlay = renderer.name === "overlay";
    form.querySelector("#opacity").hidden = !isOverlay;
    form.querySelector("#labels").hidden = !isOverlay || !this.#labels.length;
    form.querySelector("#backgrounds").hidden = !renderer.for_viewing;
    form.querySelector("#colour").hidden = background !== "colour";
    const canKeep = renderer.keeps_occluders || (renderer.for_viewing && background !== "");
    form.querySelector("#keep").hidden = !(hasOcclusion && canKeep);
    form.elements["opacity-value"].value = `${Math.round(form.elements.opacity.value * 100)} %`;
  }

  #value(name) {
    return this.#form.querySelector(`[name=${name}]:checked`)?.value ?? this.#form.elements[name]?.value ?? "";
  }

  // Settings are kept for the next visit; what is shown only for a reload: a new visit must not begin with a camera.
  #keep() {
    const { shown, ...settings } = this.settings;
    const kept = { ...settings, hidden: [...this.#hidden], background: this.#value("background"), colour: this.#form.elements.colour.value };
    try {
      localStorage.setItem(KEPT, JSON.stringify(kept));
      sessionStorage.setItem(KEPT, shown);
    } catch {
      // Storage is switched off: the settings hold until the page is closed.
    }
  }

  #kept = {};

  #restore() {
    try {
      this.#kept = JSON.parse(localStorage.getItem(KEPT)) ?? {};
      this.#shown = sessionStorage.getItem(KEPT) ?? "nothing";
    } catch {
      return;
    }
    const form = this.#form.elements;
    const { smooth, keep_occluders, opacity, hidden, background, colour } = this.#kept;
    if (smooth !== undefined) form.smooth.checked = smooth;
    if (keep_occluders !== undefined) form.keep_occluders.checked = keep_occluders;
    if (opacity !== undefined) form.opacity.value = opacity;
    if (colour) form.colour.value = colour;
    if (background !== undefined) for (const radio of form.background) radio.checked = radio.value === background;
    this.#hidden = new Set(hidden);
    for (const radio of this.#form.querySelectorAll("[name=shown]")) radio.checked = radio.value === this.#shown;
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function choice(type, name, value, text, isChecked) {
  const label = document.createElement("label");
  const input = Object.assign(document.createElement("input"), { type, name, value, checked: isChecked });
  const span = document.createElement("span");
  span.append(text);
  label.append(input, span);
  return label;
}

function dot(rgb) {
  const svg = document.createElementNS(SVG, "svg");
  const circle = document.createElementNS(SVG, "circle");
  svg.setAttribute("viewBox", "0 0 10 10");
  svg.setAttribute("aria-hidden", "true");
  for (const [name, value] of Object.entries({ cx: 5, cy: 5, r: 5, fill: `rgb(${rgb.join(" ")})` })) {
    circle.setAttribute(name, value);
  }
  svg.append(circle);
  return svg;
}
