// Tells, stroke by stroke, whether there is enough of a signature yet. Without it everything else works.
import { token } from "./api.js";

const AGAIN_MS = 3000;

export class Live {
  constructor(onQuality, onReady) {
    this.onQuality = onQuality;
    this.onReady = onReady;
    this.socket = null;
    this.connect();
  }

  connect() {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/live`);
    const hello = token() ? { type: "hello", token: token() } : { type: "hello" };
    socket.onopen = () => socket.send(JSON.stringify(hello));
    socket.onmessage = (event) => this.receive(socket, JSON.parse(event.data));
    socket.onclose = () => {
      this.socket = null;
      setTimeout(() => this.connect(), AGAIN_MS);
    };
  }

  receive(socket, message) {
    if (message.type === "ready") {
      this.socket = socket;
      this.onReady();
    }
    if (message.type === "quality") this.onQuality(message);
  }

  stroke({ points }) {
    this.socket?.send(JSON.stringify({ type: "stroke", points: points.map(({ x, y, time }) => ({ x, y, time })) }));
  }

  // Say all anew: strokes are gone, or the device has forgotten them.
  restart(strokes) {
    this.clear();
    for (const stroke of strokes) this.stroke(stroke);
  }

  clear() {
    this.socket?.send(JSON.stringify({ type: "clear" }));
  }
}
