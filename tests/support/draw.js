// Signs on the pad as a pen would: four samples an event, as a fast digitizer's are coalesced.
// Each point is [x, y, time_ms, pressure] in the window's CSS pixels; events cannot be given a time otherwise.
(strokes) => {
  const pad = document.getElementById("pad");
  const start = performance.now();
  const origin = strokes[0][0][2];
  const make = (kind, [x, y, time, pressure], coalescedEvents = []) => {
    const event = new PointerEvent(kind, {
      pointerId: 7, pointerType: "pen", isPrimary: true, bubbles: true, cancelable: true,
      clientX: x, clientY: y, pressure, tiltX: 20, coalescedEvents, buttons: kind === "pointerup" ? 0 : 1,
    });
    Object.defineProperty(event, "timeStamp", { value: start + time - origin });
    return event;
  };
  for (const stroke of strokes) {
    pad.dispatchEvent(make("pointerdown", stroke[0]));
    for (let index = 1; index < stroke.length; index += 4) {
      const several = stroke.slice(index, index + 4);
      pad.dispatchEvent(make("pointermove", several.at(-1), several.map((point) => make("pointermove", point))));
    }
    pad.dispatchEvent(make("pointerup", stroke.at(-1)));
  }
}
