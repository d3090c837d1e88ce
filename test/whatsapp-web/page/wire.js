/** The connection to WhatsApp's servers: frames of JSON over one WebSocket. */
__d('wire', (use) => {
  const scenario = use('scenario')
  let socket
  let retry
  let delay = scenario.reconnectMs
  let nextQuery = 1
  const queries = new Map()
  const unsent = []
  /** Set by app.js: what to do with frames, and with the connection's coming and going. */
  const handlers = { frame: () => undefined, opened: () => undefined, closed: () => undefined }

  const open = () => {
    clearTimeout(retry)
    if (socket !== undefined && socket.readyState <= WebSocket.OPEN) return
    const mine = new WebSocket(`wss://${location.host}/ws`)
    socket = mine
    mine.onopen = () => {
      delay = scenario.reconnectMs
      for (const frame of unsent.splice(0)) mine.send(frame)
      handlers.opened()
    }
    mine.onmessage = ({ data }) => {
      const frame = JSON.parse(data)
      if (frame.t !== 'answer') return handlers.frame(frame)
      const { resolve, reject } = queries.get(frame.n) ?? {}
      queries.delete(frame.n)
      frame.error === undefined ? resolve?.(frame.result) : reject?.(new Error(frame.error))
    }
    mine.onclose = () => {
      if (mine !== socket) return
      for (const { reject } of queries.values()) reject(new Error('the connection to WhatsApp was lost'))
      queries.clear()
      handlers.closed()
    }
  }
  return {
    handlers,
    open,
    openLater: () => {
      clearTimeout(retry)
      retry = setTimeout(open, delay)
      delay = Math.min(delay * 2, 10_000)
    },
    close: () => {
      clearTimeout(retry)
      const mine = socket
      socket = undefined
      mine?.close()
    },
    tell: (frame) => {
      const text = JSON.stringify(frame)
      if (socket?.readyState === WebSocket.OPEN) socket.send(text)
      else unsent.push(text)
    },
    query: (what, facts = {}) =>
      new Promise((resolve, reject) => {
        if (socket?.readyState !== WebSocket.OPEN) return reject(new Error('not connected to WhatsApp'))
        const n = nextQuery++
        queries.set(n, { resolve, reject })
        socket.send(JSON.stringify({ t: 'query', n, what, ...facts }))
      })
  }
})
