// A picture of a signature: taken or chosen, turned upright, and cut out by hand. It has the calls of a Pad.
//
// Nothing but the part that is cut out leaves the page.

const LONGEST = 2400; // pixels that are kept of a photograph
const SENT = 1280; // pixels of the longer side that are sent: the device looks at no more
const MOST = 4_000_000; // characters of base64 that the device takes
const LEAST = 0.04; // of the picture's width and height, that a part has at least
const STEP = 0.02; // by which a key moves an edge
const GRIP = 22; // CSS pixels around an edge that take hold of it
const MARK = "#0b6e99";
const SHADE = "rgb(18 33 44 / 55%)";
const WHOLE = { x: 0, y: 0, w: 1, h: 1 };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Picture extends EventTarget {
  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.shown = null; // a canvas, upright
    this.part = WHOLE; // what is cut out, in shares of its width and height
    this.locked = false; // what is shown has been answered
    this.closed = false; // what is shown is being asked
    this.drag = null;
    for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel", "lostpointercapture", "keydown"]) {
      canvas.addEventListener(kind, (event) => this[kind](event));
    }
    new ResizeObserver(() => this.fit()).observe(canvas);
  }

  get empty() {
    return this.shown === null;
  }

  get uncut() {
    return this.part.w === 1 && this.part.h === 1;
  }

  // Take a file that somebody chose; false: the browser cannot read it.
  async load(file) {
    const bitmap = await createImageBitmap(file).catch(() => null);
    if (bitmap) this.put(bitmap);
    return bitmap !== null;
  }

  put(bitmap) {
    this.shown = scaled(bitmap, WHOLE, LONGEST);
    bitmap.close();
    this.part = WHOLE;
    this.locked = false;
    this.draw();
    this.tell("begun");
  }

  clear() {
    this.shown = null;
    this.part = WHOLE;
    this.locked = false;
    this.drag = null;
    this.draw();
    this.tell("cleared");
  }

  close() {
    this.drag = null;
    this.closed = true;
  }

  open() {
    this.closed = false;
  }

  // Turn it by a quarter, clockwise; what is cut out turns with it.
  turn() {
    if (!this.changeable) return;
    const { width, height } = this.shown;
    const turned = blank(height, width);
    const pen = turned.getContext("2d");
    pen.translate(height, 0);
    pen.rotate(Math.PI / 2);
    pen.drawImage(this.shown, 0, 0);
    const { x, y, w, h } = this.part;
    this.shown = turned;
    this.cut({ x: 1 - y - h, y: x, w: h, h: w });
  }

  // Cut nothing off.
  whole() {
    if (this.changeable) this.cut(WHOLE);
  }

  get changeable() {
    return !this.empty && !this.closed;
  }

  // What is cut out, in whole percent: of the picture's width and height, and where it begins.
  get percent() {
    const { x, y, w, h } = this.part;
    return Object.fromEntries(Object.entries({ x, y, w, h }).map(([name, share]) => [name, Math.round(100 * share)]));
  }

  // The part that is cut out, as a PNG file in base64: as large as is of use, and as the device takes.
  base64() {
    for (let longest = SENT; ; longest *= 0.7) {
      const text = scaled(this.shown, this.part, longest).toDataURL("image/png").split(",")[1];
      if (text.length <= MOST) return text;
    }
  }

  cut(part) {
    const w = Math.min(1, Math.max(LEAST, part.w));
    const h = Math.min(1, Math.max(LEAST, part.h));
    this.part = { x: within(part.x, 1 - w), y: within(part.y, 1 - h), w, h };
    this.locked = false; // another part is another question
    this.draw();
    this.tell("changed");
  }

  // Edges near a point are taken hold of, then the inside; elsewhere a new part begins.
  pointerdown(event) {
    if (!this.changeable || event.button !== 0 || (this.drag && event.isPrimary === false)) return;
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    try {
      this.canvas.setPointerCapture(event.pointerId);
    } catch {
      // a pointer that is gone already
    }
    const from = this.place(event);
    this.drag = { id: event.pointerId, from, part: this.part, hold: this.holdAt(from) };
  }

  pointermove(event) {
    if (this.drag?.id !== event.pointerId) return;
    if (event.buttons === 0) return this.pointerup(event); // it was never told that the finger left
    const { from, part, hold } = this.drag;
    const to = this.place(event);
    if (hold.inside) this.cut({ ...part, x: part.x + to.x - from.x, y: part.y + to.y - from.y });
    else if (hold.edge) this.cut(between(moved(part, hold, to)));
    else if (Math.hypot(to.x - from.x, to.y - from.y) > LEAST / 2) this.cut(between([from, to]));
  }

  pointerup(event) {
    if (this.drag?.id === event.pointerId) this.drag = null;
  }

  // The browser took the pointer for something else: what it cut was not meant.
  pointercancel(event) {
    if (this.drag?.id !== event.pointerId) return;
    const { part } = this.drag;
    this.drag = null;
    this.cut(part);
  }

  lostpointercapture(event) {
    this.pointerup(event);
  }

  // Arrows move the part; with Shift they move its right and lower edge.
  keydown(event) {
    const [across, down] = ARROWS[event.key] ?? [0, 0];
    if (!this.changeable || (!across && !down) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const { x, y, w, h } = this.part;
    const [dx, dy] = [across * STEP, down * STEP];
    if (event.shiftKey) this.cut({ x, y, w: Math.min(w + dx, 1 - x), h: Math.min(h + dy, 1 - y) });
    else this.cut({ x: x + dx, y: y + dy, w, h });
  }

  // Where on the sheet the picture is, in CSS pixels.
  get frame() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const scale = Math.min(width / this.shown.width, height / this.shown.height);
    const [w, h] = [this.shown.width * scale, this.shown.height * scale];
    return { x: (width - w) / 2, y: (height - h) / 2, w, h };
  }

  // Where on the picture an event is, in shares of it.
  place(event) {
    const sheet = this.canvas.getBoundingClientRect();
    const { x, y, w, h } = this.frame;
    return { x: within((event.clientX - sheet.left - x) / w, 1), y: within((event.clientY - sheet.top - y) / h, 1) };
  }

  holdAt({ x, y }) {
    if (this.uncut) return {};
    const { part, frame } = this;
    const [across, down] = [GRIP / frame.w, GRIP / frame.h];
    const inside = x > part.x && x < part.x + part.w && y > part.y && y < part.y + part.h;
    const near = x > part.x - across && x < part.x + part.w + across && y > part.y - down && y < part.y + part.h + down;
    const left = Math.abs(x - part.x) < across;
    const right = Math.abs(x - part.x - part.w) < across;
    const top = Math.abs(y - part.y) < down;
    const bottom = Math.abs(y - part.y - part.h) < down;
    const edge = near && (left || right || top || bottom);
    // A part so small that all of it is near an edge can still be moved, by its middle.
    const middle = inside && Math.abs(x - part.x - part.w / 2) < part.w / 4 && Math.abs(y - part.y - part.h / 2) < part.h / 4;
    return { edge: edge && !middle, inside: inside && (!edge || middle), left, right, top, bottom };
  }

  tell(what) {
    this.dispatchEvent(new CustomEvent(what));
  }

  fit() {
    const scale = window.devicePixelRatio || 1;
    const { width, height } = this.canvas.getBoundingClientRect();
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.context.setTransform(scale, 0, 0, scale, 0, 0);
    this.draw();
  }

  draw() {
    const pen = this.context;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    pen.clearRect(0, 0, width, height);
    if (this.empty || !width || !height) return;
    const { frame, part } = this;
    pen.drawImage(this.shown, frame.x, frame.y, frame.w, frame.h);
    if (this.uncut) return;
    const [x, y, w, h] = [frame.x + part.x * frame.w, frame.y + part.y * frame.h, part.w * frame.w, part.h * frame.h];
    pen.fillStyle = SHADE;
    pen.beginPath(); // what is cut off lies in the shade
    pen.rect(frame.x, frame.y, frame.w, frame.h);
    pen.rect(x, y, w, h);
    pen.fill("evenodd");
    pen.strokeStyle = "#ffffff";
    pen.lineWidth = 4;
    pen.strokeRect(x, y, w, h);
    pen.strokeStyle = pen.fillStyle = MARK;
    pen.lineWidth = 2;
    pen.strokeRect(x, y, w, h);
    for (const [across, down] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
      pen.beginPath();
      pen.arc(x + across * w, y + down * h, 7, 0, 2 * Math.PI);
      pen.fill();
    }
  }
}

const within = (value, most) => Math.min(Math.max(value, 0), Math.max(most, 0));

// The part between two opposite corners.
function between([one, other]) {
  return {
    x: Math.min(one.x, other.x),
    y: Math.min(one.y, other.y),
    w: Math.abs(one.x - other.x),
    h: Math.abs(one.y - other.y),
  };
}

// Opposite corners of a part, of which those edges that are held follow a point.
function moved({ x, y, w, h }, { left, right, top, bottom }, to) {
  return [
    { x: left ? to.x : x, y: top ? to.y : y },
    { x: right && !left ? to.x : x + w, y: bottom && !top ? to.y : y + h },
  ];
}

function blank(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  return canvas;
}

// A part of a picture on white paper, its longer side of so many pixels at most.
function scaled(source, { x, y, w, h }, longest) {
  const [width, height] = [w * source.width, h * source.height];
  const scale = Math.min(1, longest / Math.max(width, height));
  const canvas = blank(width * scale, height * scale);
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#ffffff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(source, x * source.width, y * source.height, width, height, 0, 0, canvas.width, canvas.height);
  return canvas;
}
