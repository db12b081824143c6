// The viewer's own camera: its frames as JPEG, never more in flight than the server can use.

const SIZE = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
const LONGEST_SIDE = 1280; // the server refuses more
const QUALITY = 0.8; // at 640x480 35 kB; 0.9 costs half as much again, and the masks are the same
const MOST_IN_FLIGHT = 2;
const LOST_AFTER_MS = 3000; // a frame that has no answer by then is not waited for

export class Camera {
  #video = document.createElement("video");
  #canvas = document.createElement("canvas");
  #context = this.#canvas.getContext("2d", { alpha: false });
  #stream = null;
  #sentAt = new Map(); // the time at which each frame in flight was taken
  #number = 0;
  #turn = 0; // counts starts and stops: a start that another one overtakes must not leave a camera on
  #isEncoding = false;
  #isWaiting = false; // a frame came while there was no room: the newest one goes as soon as there is

  dropped = 0; // frames that came while another one waited

  constructor(send) {
    this.send = send;
    this.#video.muted = true;
    this.#video.playsInline = true;
    this.#video.className = "offscreen";
    this.#video.setAttribute("aria-hidden", "true");
    document.body.append(this.#video); // some browsers pause one that is not in the page
  }

  get isOn() {
    return this.#stream !== null;
  }

  // Returns the camera's id, or null where another start or a stop came in between.
  async start(deviceId, onEnd) {
    this.stop();
    const turn = this.#turn;
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new Error("This browser allows the camera only over https or on localhost.");
    }
    const video = deviceId ? { ...SIZE, deviceId: { exact: deviceId } } : { ...SIZE, facingMode: "user" };
    let track;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
      if (turn !== this.#turn) {
        end(stream);
        return null;
      }
      this.#stream = stream;
      [track] = stream.getVideoTracks();
      track.addEventListener("ended", onEnd);
      this.#video.srcObject = stream;
      await this.#video.play();
    } catch (error) {
      if (turn !== this.#turn) return null; // the stop has interrupted it
      this.stop();
      throw error;
    }
    if (turn !== this.#turn) return null;
    this.forget();
    this.#watch(this.#stream);
    return track.getSettings().deviceId ?? "";
  }

  stop() {
    this.#turn++;
    if (this.#stream) end(this.#stream);
    this.#stream = null;
    this.#video.srcObject = null;
  }

  // Nothing that was sent will be answered: the connection is a new one, or the page was hidden.
  forget() {
    this.#sentAt.clear();
  }

  // A frame is answered, and those before it. Returns how long ago it was taken, in milliseconds.
  answered(number) {
    const takenAt = this.#sentAt.get(number);
    for (const each of this.#sentAt.keys()) if (each <= number) this.#sentAt.delete(each);
    if (this.#isWaiting) this.#take();
    return takenAt === undefined ? null : performance.now() - takenAt;
  }

  #watch(stream) {
    const next = () => {
      if (this.#stream !== stream) return;
      if (this.#isWaiting) this.dropped++;
      this.#take();
      request();
    };
    const request = () =>
      this.#video.requestVideoFrameCallback ? this.#video.requestVideoFrameCallback(next) : setTimeout(next, 33);
    request();
  }

  async #take() {
    const now = performance.now();
    for (const [number, at] of this.#sentAt) if (now - at > LOST_AFTER_MS) this.#sentAt.delete(number);
    this.#isWaiting = this.#isEncoding || this.#sentAt.size >= MOST_IN_FLIGHT;
    if (this.#isWaiting || document.hidden || !this.#stream || !this.#video.videoWidth) return;
    this.#isEncoding = true;
    const scale = Math.min(1, LONGEST_SIDE / Math.max(this.#video.videoWidth, this.#video.videoHeight));
    const width = Math.round(this.#video.videoWidth * scale);
    const height = Math.round(this.#video.videoHeight * scale);
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
    }
    this.#context.drawImage(this.#video, 0, 0, width, height);
    const jpeg = await new Promise((done) => this.#canvas.toBlob(done, "image/jpeg", QUALITY));
    this.#isEncoding = false;
    if (!jpeg || !this.#stream) return;
    const number = (this.#number = (this.#number + 1) >>> 0);
    this.#sentAt.set(number, now);
    const head = new DataView(new ArrayBuffer(4));
    head.setUint32(0, number);
    this.send(new Blob([head, jpeg]));
  }
}

function end(stream) {
  for (const track of stream.getTracks()) track.stop();
}

export async function cameras() {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return devices.filter((device) => device.kind === "videoinput" && device.deviceId);
}
