// The masked picture: drawn as it comes, measured, saved and recorded.

const TYPES = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"];
const MEASURED_MS = 1000;

export class Picture {
  #context;
  #drawn = []; // the last second: when each was drawn, and how old it was
  #drawing = Promise.resolve(true);
  #recorder = null;

  constructor(canvas) {
    this.canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
  }

  // Draw a JPEG once those before it are drawn. Returns false where it cannot be drawn.
  show(jpeg) {
    this.#drawing = this.#drawing.then(() => this.#draw(jpeg));
    return this.#drawing;
  }

  async #draw(jpeg) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(jpeg);
    } catch {
      return false;
    }
    if (this.canvas.width !== bitmap.width || this.canvas.height !== bitmap.height) {
      this.canvas.width = bitmap.width;
      this.canvas.height = bitmap.height;
      this.canvas.parentElement.style.aspectRatio = `${bitmap.width} / ${bitmap.height}`;
    }
    this.#context.drawImage(bitmap, 0, 0);
    if (!this.#drawn.length) this.canvas.setAttribute("aria-label", `Masked picture, ${bitmap.width} by ${bitmap.height}`);
    bitmap.close();
    return true;
  }

  measured(latencyMs) {
    this.#drawn.push({ at: performance.now(), latencyMs });
  }

  // Frames per second and the median latency in the last second; null where nothing was drawn.
  get rates() {
    const since = performance.now() - MEASURED_MS;
    this.#drawn = this.#drawn.filter(({ at }) => at >= since);
    const latencies = this.#drawn.map(({ latencyMs }) => latencyMs).filter((ms) => ms !== null);
    latencies.sort((a, b) => a - b);
    return {
      fps: this.#drawn.length * (1000 / MEASURED_MS),
      latencyMs: latencies.length ? latencies[latencies.length >> 1] : null,
    };
  }

  // After the pictures that are still being drawn.
  clear() {
    this.#drawing = this.#drawing.then(() => {
      this.#context.fillStyle = "#000";
      this.#context.fillRect(0, 0, this.canvas.width, this.canvas.height);
      this.canvas.setAttribute("aria-label", "No picture");
      this.#drawn = [];
    });
  }

  async snapshot() {
    const png = await new Promise((done) => this.canvas.toBlob(done, "image/png"));
    if (png) save(png, "png");
  }

  get isRecording() {
    return this.#recorder !== null;
  }

  // Record until `stopRecording`. Raises where this browser cannot.
  startRecording() {
    const mimeType = TYPES.find((type) => window.MediaRecorder?.isTypeSupported(type));
    if (!mimeType || !this.canvas.captureStream) throw new Error("This browser cannot record a picture.");
    const chunks = [];
    const recorder = new MediaRecorder(this.canvas.captureStream(), { mimeType, videoBitsPerSecond: 4_000_000 });
    recorder.ondataavailable = ({ data }) => data.size && chunks.push(data);
    recorder.onstop = () => save(new Blob(chunks, { type: mimeType }), mimeType.includes("webm") ? "webm" : "mp4");
    recorder.start(1000);
    this.#recorder = recorder;
  }

  stopRecording() {
    this.#recorder?.stop();
    this.#recorder = null;
  }
}

function save(blob, suffix) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  const local = new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString();
  link.download = `unveil_${local.slice(0, 19).replaceAll(":", "-")}.${suffix}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
