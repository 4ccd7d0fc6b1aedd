/* Search in a site that is opened as files: browsers start no workers from there, so the search runs in a frame.
   Its name must hold "iframe-worker": the plugin `offline` then loads no such script from the network. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.appendChild(this.frame)
      const inside = this.frame.contentWindow
      inside.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
      inside.importScripts = (...urls) => Promise.all(urls.map(each => load(inside.document, each)))
      this.ready = load(inside.document, url)
    }
    postMessage(data) {
      this.ready.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })))
    }
    terminate() {
      this.frame.remove()
    }
  }
  const load = (place, url) =>
    new Promise((resolve, reject) => {
      const script = place.createElement("script")
      script.src = url
      script.onload = resolve
      script.onerror = reject
      place.body.appendChild(script)
    })
}
