// Joins the parts of the page.

import { Camera, cameras } from "./camera.js";
import { Connection } from "./connection.js";
import { Controls } from "./controls.js";
import { Files } from "./files.js";
import { Picture } from "./picture.js";
import { Plot } from "./plot.js";

const GOAL_FPS = 25;
const GOAL_LATENCY_MS = 80;
const MEASURE_MS = 500;

const get = (id) => document.getElementById(id);
const connection = new Connection("ws");
const camera = new Camera((frame) => connection.send(frame));
const controls = new Controls(get("controls"));
const picture = new Picture(get("picture"));
const files = new Files(get("files"), () => controls.settings);
const plots = { fps: new Plot(get("fps-plot"), GOAL_FPS), latency: new Plot(get("latency-plot"), GOAL_LATENCY_MS) };
let isSending = false;
let dropped = 0;
let isProblemPassing = false;

function state(name, text) {
  get("state").dataset.state = name;
  if (get("state").textContent !== text) get("state").textContent = text;
}

// A problem that passes by itself is no longer shown once pictures come again.
function problem(sentence, passes = false) {
  isProblemPassing = passes;
  get("problem").hidden = !sentence;
  get("problem").textContent = sentence;
}

function waits(text) {
  get("waits").hidden = !text;
  get("waits").textContent = text;
}

// At most once per animation frame, however fast a slider moves.
function sendSettings() {
  if (isSending) return;
  isSending = true;
  setTimeout(() => {
    isSending = false;
    const isWatched = !document.hidden || picture.isRecording;
    connection.send({ settings: { ...controls.settings, shown: isWatched ? controls.shown : "nothing" } });
  }, 16);
}

async function show(shown) {
  problem("");
  controls.shown = shown;
  if (shown === "camera") {
    try {
      const device = await camera.start(controls.device, lostCamera);
      if (device === null) return; // something else is shown by now
      controls.offerCameras(await cameras(), device);
    } catch (error) {
      await show("nothing");
      problem(cameraProblem(error));
      return;
    }
  } else camera.stop();
  if (shown === "nothing") picture.clear();
  sendSettings();
  follow();
}

// Show what fits what is shown.
function follow() {
  const isOn = controls.shown !== "nothing";
  get("welcome").hidden = isOn;
  for (const id of ["stop", "snapshot", "record"]) get(id).disabled = !isOn;
  if (!isOn) {
    waits("");
    stopRecording();
  }
  if (connection.isOpen) state(isOn ? "live" : "ready", isOn ? "live" : "ready");
  get("latency-name").textContent = controls.shown === "server" ? "Latency in the server" : "Latency, camera to picture";
}

function lostCamera() {
  show("nothing").then(() => problem("The camera has stopped. Is it still plugged in?"));
}

function cameraProblem(error) {
  const words = {
    NotAllowedError: "The browser was not allowed to use the camera. Allow it in the address bar, and try again.",
    NotFoundError: "No camera was found.",
    NotReadableError: "Another program is using the camera.",
    OverconstrainedError: "This camera is no longer available. Choose another one.",
  };
  return words[error.name] ?? error.message;
}

function stopRecording() {
  picture.stopRecording();
  get("record").setAttribute("aria-pressed", "false");
  get("record").textContent = "Record";
}

connection.addEventListener("message", ({ detail }) => {
  if (detail.hello) {
    controls.offer(detail.hello);
    files.offer(detail.hello.files);
    get("start-server").hidden = detail.hello.source === null;
    get("start-server").textContent = `Show ${detail.hello.source}`;
    resume();
  } else if (detail.model) {
    waits("");
    controls.explain(detail.model);
  } else if (detail.waits) waits(`${detail.waits} …`);
  else if (detail.problem) problem(detail.problem, controls.shown === "server");
});

// Go on after a connection was lost or the page was loaded again.
function resume() {
  camera.forget();
  if (isProblemPassing) problem("");
  if (controls.shown === "nothing" || camera.isOn) {
    sendSettings();
    follow();
  } else show(controls.shown);
}

connection.addEventListener("picture", async ({ detail }) => {
  if (controls.shown === "nothing") return;
  const isShown = await picture.show(detail.jpeg);
  const cameraMs = controls.shown === "camera" ? camera.answered(detail.number) : null;
  if (controls.shown === "server") connection.send({ seen: detail.number });
  dropped = controls.shown === "server" ? detail.dropped : camera.dropped;
  if (isShown && isProblemPassing) problem("");
  if (isShown) picture.measured(controls.shown === "server" ? detail.serverMs : cameraMs);
});

connection.addEventListener("lost", ({ detail }) => {
  const seconds = Math.max(1, Math.round(detail.waitMs / 1000));
  const again = `trying again in ${seconds} s`;
  waits("");
  if (detail.refused) {
    show("nothing").then(() => problem(detail.reason || "The server has ended the connection."));
    state("lost", again);
  } else if (detail.full) {
    problem(detail.reason, true);
    state("lost", `full, ${again}`);
  } else state("lost", `connection lost, ${again}`);
});

controls.addEventListener("change", sendSettings);
controls.addEventListener("shown", ({ detail }) => show(detail));
controls.addEventListener("device", () => show("camera"));
document.addEventListener("visibilitychange", () => {
  camera.forget();
  sendSettings();
});
get("start-camera").addEventListener("click", () => show("camera"));
get("start-server").addEventListener("click", () => show("server"));
get("stop").addEventListener("click", () => show("nothing"));
get("snapshot").addEventListener("click", () => picture.snapshot());
get("record").addEventListener("click", () => {
  if (picture.isRecording) return stopRecording();
  try {
    picture.startRecording();
  } catch (error) {
    return problem(error.message);
  }
  get("record").setAttribute("aria-pressed", "true");
  get("record").textContent = "Stop recording";
});

setInterval(() => {
  const { fps, latencyMs } = controls.shown === "nothing" ? { fps: null, latencyMs: null } : picture.rates;
  get("fps").value = fps === null ? "–" : String(Math.round(fps));
  get("dropped").textContent = dropped ? `${dropped} dropped` : "";
  get("latency").value = latencyMs === null ? "–" : `${Math.round(latencyMs)} ms`;
  plots.fps.add(fps);
  plots.latency.add(latencyMs);
}, MEASURE_MS);

connection.open();
