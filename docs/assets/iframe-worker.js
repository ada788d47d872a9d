/* A worker inside a frame, for pages that were opened from the disk: browsers start no workers from files. */
if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.loaded = new Promise((resolve) => { this.frame.onload = resolve; });
      this.frame.srcdoc =
        "<!doctype html><script>" +
        "var worker = parent; postMessage = (data) => worker.postMessage(data, '*');" +
        "importScripts = () => {};" +
        "</script><script src='" + url + "'></script>";
      addEventListener("message", (event) => {
        if (event.source !== this.frame.contentWindow) return;
        const copy = new MessageEvent("message", { data: event.data });
        this.dispatchEvent(copy);
        if (this.onmessage) this.onmessage(copy);
      });
      document.body.append(this.frame);
    }

    postMessage(data) {
      // Not its own postMessage, which answers.
      this.loaded.then(() => window.postMessage.call(this.frame.contentWindow, data, "*"));
    }

    terminate() {
      this.frame.remove();
    }
  };
  window.Worker = window.IFrameWorker;
}
