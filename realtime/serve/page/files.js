// Files that are dropped on the page: uploaded, masked on the server, and fetched again.

const POLL_MS = 400;

export class Files {
  #limits = { most_bytes: Infinity, suffixes: [] };

  // `settings` returns those with which a file is masked.
  constructor(section, settings) {
    this.settings = settings;
    this.list = section.querySelector("#jobs");
    const drop = section.querySelector("#drop");
    const choose = section.querySelector("#choose");
    choose.addEventListener("change", () => {
      this.#add(choose.files);
      choose.value = "";
    });
    // A file that misses the zone must not replace the page.
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => event.preventDefault());
    for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, () => drop.classList.add("over"));
    for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
    drop.addEventListener("drop", ({ dataTransfer }) => this.#add(dataTransfer.files));
    this.choose = choose;
  }

  offer(limits) {
    this.#limits = limits;
    this.choose.accept = limits.suffixes.join(",");
  }

  #add(files) {
    for (const file of files) {
      const job = new Job(file, this.list);
      const suffix = file.name.slice(file.name.lastIndexOf(".")).toLowerCase();
      if (file.size > this.#limits.most_bytes) {
        job.fail(`The file is too large: at most ${Math.floor(this.#limits.most_bytes / 2 ** 20)} MiB are allowed.`);
      } else if (!this.#limits.suffixes.includes(suffix)) {
        job.fail("This is neither a video nor an image.");
      } else {
        job.run(this.settings());
      }
    }
  }
}

class Job {
  #request = null;
  #path = null;
  #isOver = false;

  constructor(file, list) {
    this.file = file;
    this.item = document.createElement("li");
    this.name = element("span", "name", file.name);
    this.said = element("span", "said", "");
    this.said.setAttribute("role", "status");
    this.bar = document.createElement("progress");
    this.bar.setAttribute("aria-label", `Progress of ${file.name}`);
    this.buttons = element("span", "buttons");
    this.button = element("button", "", "Cancel");
    this.button.type = "button";
    this.button.setAttribute("aria-label", `Cancel ${file.name}`);
    this.button.addEventListener("click", () => this.#remove());
    this.buttons.append(this.button);
    this.item.append(this.name, this.buttons, this.said, this.bar);
    list.prepend(this.item);
  }

  async run(settings) {
    try {
      const { id } = await this.#upload(settings);
      this.#path = `files/${id}`;
      if (this.#isOver) {
        this.#remove();
        return;
      }
      await this.#follow();
    } catch (error) {
      if (!this.#isOver) this.fail(error.message);
    }
  }

  fail(sentence) {
    this.item.classList.add("failed");
    this.said.textContent = sentence;
    this.bar.remove();
    this.#end();
  }

  #upload(settings) {
    const { shown, ...rest } = settings;
    const query = new URLSearchParams({ name: this.file.name, settings: JSON.stringify(rest) });
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest(); // fetch does not tell how much is sent
      request.open("POST", `files?${query}`);
      request.responseType = "json";
      request.upload.onprogress = ({ loaded, total }) => {
        this.bar.max = total;
        this.bar.value = loaded;
        this.said.textContent = loaded < total ? `uploading, ${Math.round((100 * loaded) / total)} %` : "waiting";
      };
      request.onload = () =>
        request.status === 201 ? resolve(request.response) : reject(new Error(request.response?.error ?? "The upload failed."));
      request.onerror = () => reject(new Error("The connection was lost during the upload."));
      request.send(this.file);
      this.#request = request;
    });
  }

  async #follow() {
    let misses = 0;
    while (!this.#isOver) {
      let job;
      try {
        const answer = await fetch(this.#path);
        if (answer.status === 404) throw new Gone("The server no longer has this file.");
        job = await answer.json();
        misses = 0;
      } catch (error) {
        if (error instanceof Gone || ++misses > 50) throw error;
        await pause(2 * POLL_MS);
        continue;
      }
      if (job.state === "done" || job.state === "failed") {
        this.#finish(job);
        return;
      }
      this.#tell(job);
      await pause(POLL_MS);
    }
  }

  #tell({ state, frames, total_frames }) {
    if (state === "waiting" || !frames) {
      this.bar.removeAttribute("value");
      this.said.textContent = state === "waiting" ? "waiting" : "masking";
      return;
    }
    this.bar.max = Math.max(total_frames ?? 0, frames);
    if (total_frames) this.bar.value = frames;
    this.said.textContent = total_frames ? `masking, frame ${frames} of ${this.bar.max}` : `masking, ${frames} frames`;
  }

  #finish({ state, error, frames, output_name }) {
    if (state === "failed") this.fail(error);
    else {
      this.said.textContent = frames > 1 ? `masked, ${frames} frames` : "masked";
      this.bar.remove();
      this.#end();
    }
    if (output_name) {
      const link = element("a", "button", "Download");
      link.href = `${this.#path}/result`;
      link.download = output_name;
      link.setAttribute("aria-label", `Download ${output_name}`);
      this.buttons.prepend(link);
    }
  }

  #end() {
    this.button.textContent = "Remove";
    this.button.setAttribute("aria-label", `Remove ${this.file.name}`);
  }

  #remove() {
    this.#isOver = true;
    this.#request?.abort();
    if (this.#path) fetch(this.#path, { method: "DELETE" }).catch(() => {});
    this.item.remove();
  }
}

class Gone extends Error {}

function element(name, className, text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

function pause(ms) {
  return new Promise((done) => setTimeout(done, ms));
}
