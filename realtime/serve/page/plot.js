// A line over the last minute, drawn by hand on a small canvas.

const SECONDS = 60;
const SAMPLES_PER_SECOND = 2;
const MOST_GOALS = 2.5;

export class Plot {
  #values = [];

  // `goal` is a value at which a thin line is drawn.
  constructor(canvas, goal) {
    this.canvas = canvas;
    this.goal = goal;
    new ResizeObserver(() => this.#draw()).observe(canvas);
  }

  // A value, or null where there is none.
  add(value) {
    this.#values.push(value);
    if (this.#values.length > SECONDS * SAMPLES_PER_SECOND) this.#values.shift();
    this.#draw();
  }

  #draw() {
    const { canvas, goal } = this;
    const ratio = devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (!width || !height) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    const most = Math.max(goal * 1.2, ...this.#values.filter((value) => value !== null));
    const top = Math.min(most, MOST_GOALS * goal); // one slow start must not flatten the rest
    const x = (index) => width * (1 - (this.#values.length - 1 - index) / (SECONDS * SAMPLES_PER_SECOND - 1));
    const y = (value) => height - 3 - (height - 8) * (Math.min(value, top) / top);
    context.scale(ratio, ratio);
    context.strokeStyle = context.fillStyle = style.getPropertyValue("--quiet");
    context.globalAlpha = 0.55;
    context.setLineDash([3, 4]);
    context.beginPath();
    context.moveTo(0, y(goal));
    context.lineTo(width, y(goal));
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
    context.font = `11px ${style.fontFamily}`;
    context.fillText(String(goal), 1, y(goal) - 3);
    context.strokeStyle = style.color;
    context.lineWidth = 1.75;
    context.lineJoin = "round";
    context.beginPath();
    let isDown = false;
    this.#values.forEach((value, index) => {
      if (value === null) isDown = false;
      else if (isDown) context.lineTo(x(index), y(value));
      else {
        context.moveTo(x(index), y(value));
        isDown = true;
      }
    });
    context.stroke();
  }
}
