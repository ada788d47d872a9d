// A sheet that records how a signature is written: every sample that the browser has, with pressure and tilt.
//
// Coordinates are CSS pixels of the sheet, times milliseconds of the browser's monotonic clock, so neither the
// screen's resolution nor the time of day is in them.

const INK = "#14213d";
const REFERENCE = "#b85f00";
const BASE = 2.6; // CSS pixels wide at a usual speed
const MARGIN = 2 * BASE; // around ink that would leave the sheet
const PALM_MS = 2000; // after the pen was near, touch is the palm

export class Pad extends EventTarget {
  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { desynchronized: true });
    this.strokes = [];
    this.reference = null;
    this.locked = false; // what is on it has been answered
    this.closed = false; // what is on it is being asked
    this.pointer = null;
    this.penSeen = -Infinity;
    for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(kind, (event) => this[kind](event));
    }
    // Whoever looks elsewhere has lifted the pen, even if the page is never told.
    globalThis.addEventListener?.("blur", () => this.end());
    globalThis.document?.addEventListener("visibilitychange", () => this.end());
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    new ResizeObserver(() => this.fit()).observe(canvas);
  }

  get empty() {
    return this.strokes.length === 0;
  }

  // Pressure only where the device measures it: a mouse says 0.5 and many a screen 1, whatever one does.
  groups() {
    const measured = this.strokes.every((stroke) => stroke[0].by !== "mouse") && this.strokes.some(varied);
    return this.strokes.map((stroke) => ({ points: stroke.map((point) => plain(point, measured)) }));
  }

  clear() {
    this.strokes = [];
    this.reference = null;
    this.locked = false;
    this.pointer = null;
    this.draw();
    this.tell("cleared");
  }

  // Show what was signed before under what was signed now.
  compare(strokes) {
    this.reference = strokes;
    this.draw();
  }

  // No more ink until it is opened again; a stroke under way ends here.
  close() {
    this.end();
    this.closed = true;
  }

  open() {
    this.closed = false;
  }

  pointerdown(event) {
    if (event.pointerType === "pen") this.penSeen = event.timeStamp;
    const palm = event.pointerType === "touch" && event.timeStamp - this.penSeen < PALM_MS;
    if (this.closed || palm || event.button !== 0) return;
    if (event.pointerType === "pen" && !this.locked) this.dropPalm();
    // Of several fingers the first writes. Anything else means that the end of the stroke before was never told.
    if (this.pointer !== null && event.isPrimary === false) return;
    this.end();
    event.preventDefault();
    if (this.scale !== window.devicePixelRatio) this.fit(); // on another screen, in the same size
    if (this.locked) this.clear(); // what was answered makes room for what comes next
    this.pointer = event.pointerId;
    try {
      this.canvas.setPointerCapture(event.pointerId);
    } catch {
      // a pointer that is gone already
    }
    this.strokes.push([sample(event, this.canvas.getBoundingClientRect())]);
    this.tell("begun");
  }

  pointermove(event) {
    if (event.pointerType === "pen") this.penSeen = event.timeStamp;
    if (event.pointerId !== this.pointer) return;
    // Nothing is pressed: the pen hovers, and its pointerup was lost (a dialog, a driver, out of range).
    if (event.buttons === 0) return this.end();
    const stroke = this.strokes.at(-1);
    const sheet = this.canvas.getBoundingClientRect();
    const coalesced = event.getCoalescedEvents?.() ?? []; // browsers have it over https and on this machine only
    for (const each of coalesced.length ? coalesced : [event]) {
      if (each.buttons === 0) continue; // hovered between two reports
      const point = sample(each, sheet);
      const last = stroke.at(-1);
      if (point.time < last.time || (point.time === last.time && point.x === last.x && point.y === last.y)) continue;
      stroke.push(point);
      this.segment(stroke, stroke.length - 1);
    }
  }

  pointerup(event) {
    if (event.pointerId === this.pointer) this.end();
  }

  // The stroke under way ends here, if there is one.
  end() {
    if (this.pointer === null) return;
    this.pointer = null;
    const stroke = this.strokes.at(-1);
    if (stroke.length === 1) this.segment(stroke, 0);
    else this.finish(stroke);
    this.tell("stroke");
  }

  // The browser took the pointer for something else (a palm, a gesture): what it drew was no writing.
  pointercancel(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.strokes.pop();
    this.draw();
    this.tell(this.empty ? "cleared" : "begun");
  }

  // The stroke went elsewhere without an end: the sheet was hidden under the pen.
  lostpointercapture(event) {
    this.pointerup(event);
  }

  // What a hand drew before its pen came down was no writing.
  dropPalm() {
    const own = this.strokes.filter((stroke) => stroke[0].by !== "touch");
    if (own.length === this.strokes.length) return;
    this.strokes = own;
    this.pointer = null;
    this.draw();
    this.tell("dropped");
  }

  tell(what) {
    this.dispatchEvent(new CustomEvent(what));
  }

  // Match the screen's own pixels, after a turn or on another screen too.
  fit() {
    const scale = (this.scale = window.devicePixelRatio || 1);
    const { width, height } = this.canvas.getBoundingClientRect();
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.context.setTransform(scale, 0, 0, scale, 0, 0);
    this.context.lineCap = this.context.lineJoin = "round";
    this.draw();
  }

  draw() {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.context.save();
    if (this.reference && !this.empty) this.underlay();
    for (const stroke of this.strokes) {
      for (let index = stroke.length > 1 ? 1 : 0; index < stroke.length; index++) this.segment(stroke, index);
      this.finish(stroke);
    }
    this.context.restore();
  }

  // One piece of ink, thinner where the pen is fast, wider where it is pressed or laid flat.
  segment(stroke, index) {
    const pen = this.context;
    const [before, from, to] = [stroke[Math.max(0, index - 2)], stroke[Math.max(0, index - 1)], stroke[index]];
    pen.strokeStyle = pen.fillStyle = INK;
    to.width = widthOf(from, to, index);
    if (index === 0) {
      pen.beginPath();
      pen.arc(to.x, to.y, to.width * 0.7, 0, 2 * Math.PI);
      pen.fill();
      return;
    }
    pen.lineWidth = to.width;
    pen.beginPath();
    pen.moveTo((before.x + from.x) / 2, (before.y + from.y) / 2);
    pen.quadraticCurveTo(from.x, from.y, (from.x + to.x) / 2, (from.y + to.y) / 2);
    pen.stroke();
  }

  // The last half of a piece, which `segment` leaves to the next one.
  finish(stroke) {
    const [from, to] = stroke.slice(-2);
    if (!to) return;
    this.context.lineWidth = to.width;
    this.context.beginPath();
    this.context.moveTo((from.x + to.x) / 2, (from.y + to.y) / 2);
    this.context.lineTo(to.x, to.y);
    this.context.stroke();
  }

  // The reference, laid over the same place in the same size.
  underlay() {
    const [own, its] = [box(this.strokes), box(this.reference)];
    const scale = own.size / its.size;
    const laid = this.reference.map((stroke) =>
      stroke.map(({ x, y }) => ({ x: own.x + (x - its.x) * scale, y: own.y + (y - its.y) * scale })),
    );
    this.stepBack([...this.strokes, ...laid].flat());
    const pen = this.context;
    pen.strokeStyle = REFERENCE;
    pen.lineWidth = BASE * 1.2;
    for (const [first, ...others] of laid) {
      let before = first;
      pen.beginPath();
      pen.moveTo(first.x, first.y);
      for (const point of others) {
        pen.quadraticCurveTo(before.x, before.y, (before.x + point.x) / 2, (before.y + point.y) / 2);
        before = point;
      }
      pen.lineTo(before.x, before.y);
      pen.stroke();
    }
  }

  // See so much of the sheet's surroundings that all points are on it.
  stepBack(points) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const [left, across] = extent(points.map(({ x }) => x), width);
    const [top, down] = extent(points.map(({ y }) => y), height);
    const scale = Math.min(width / across, height / down);
    this.context.scale(scale, scale);
    this.context.translate((width / scale - across) / 2 - left, (height / scale - down) / 2 - top);
  }
}

// Not offsetX: of coalesced events browsers disagree what it is relative to.
function sample(event, sheet) {
  return {
    x: round(event.clientX - sheet.left),
    y: round(event.clientY - sheet.top),
    time: round(event.timeStamp),
    pressure: round(event.pressure),
    tilt: Math.hypot(event.tiltX || 0, event.tiltY || 0),
    by: event.pointerType,
  };
}

const varied = (stroke) => stroke.some((point) => point.pressure !== stroke[0].pressure);

// Where what holds the sheet and all ink begins along one axis, and how long it is.
function extent(values, size) {
  const first = Math.min(0, Math.min(...values) - MARGIN);
  return [first, Math.max(size, Math.max(...values) + MARGIN) - first];
}

const round = (number) => Math.round(number * 1000) / 1000;

function plain({ x, y, time, pressure }, measured) {
  return measured ? { x, y, time, pressure } : { x, y, time };
}

function widthOf(from, to, index) {
  const speed = Math.hypot(to.x - from.x, to.y - from.y) / Math.max(1, to.time - from.time); // px per ms
  const wanted = BASE * (0.55 + 0.9 / (1 + speed)) * (0.6 + 0.8 * (to.pressure || 0.5)) * (1 + to.tilt / 180);
  return index > 0 && from.width ? from.width + 0.35 * (wanted - from.width) : wanted;
}

// Center and size of ink, as the features see it: by all samples, not by the outermost.
function box(strokes) {
  const points = strokes.flat();
  const x = points.reduce((sum, point) => sum + point.x, 0) / points.length;
  const y = points.reduce((sum, point) => sum + point.y, 0) / points.length;
  const spread = points.reduce((sum, point) => sum + (point.x - x) ** 2 + (point.y - y) ** 2, 0);
  return { x, y, size: Math.sqrt(spread / points.length) || 1 };
}
