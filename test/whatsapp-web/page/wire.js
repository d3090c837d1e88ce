/**
 * The connection to WhatsApp's servers. All that leaves goes one way: a stanza {tag, attrs,
 * content} to WAComms' castStanza, its bytes by WAWap.encodeStanza, in a frame to the WebSocket.
 * `side` is no part of WhatsApp Web: it stands for the page's own database and tells the tests what
 * happened.
 */
bundle('WALogger', () => ({
  LOG: () => undefined,
  WARN: (...about) => console.debug(...about),
  ERROR: (...about) => console.debug(...about)
}))

bundle('WAErrors', () => {
  class Disconnected extends Error {}
  class Offline extends Error {}
  class MaxRetries extends Error {}
  class Aborted extends Error {}
  class BufferTooLargeError extends Error {}
  return { Disconnected, Offline, MaxRetries, Aborted, BufferTooLargeError }
})

bundle('WAWapJid', () => {
  class WapJid {
    constructor(user, server, device) {
      this.$1 = { user, server, device }
    }
    static create(user, server) {
      return new WapJid(user, server)
    }
    static createJidU(user, domain, device) {
      return new WapJid(user, domain === 1 ? 'lid' : 's.whatsapp.net', device)
    }
    getInnerJid() {
      return this.$1
    }
    toString() {
      const { user, server, device } = this.$1
      if (user === null) return server
      return `${user}${device ? `:${device}` : ''}@${server}`
    }
  }
  return { WapJid, DomainType: { WHATSAPP: 0, LID: 1 } }
})

bundle('WAWap', (use) => {
  const { WapJid } = use('WAWapJid')
  const DROP_ATTR = { sentinel: 'DROP_ATTR' }
  const encoder = new TextEncoder()
  const decoder = new TextDecoder()
  const asIs = (value) => value

  class WapNode {
    constructor(tag, attrs = {}, content = null) {
      this.tag = tag
      this.attrs = attrs
      this.content = content
    }
    toString() {
      return `<${this.tag} />`
    }
  }
  const wap = (tag, attrs, first, ...others) => {
    let content = null
    if (Array.isArray(first)) content = first.filter(Boolean)
    else if (typeof first === 'string') content = encoder.encode(first)
    else if (first instanceof ArrayBuffer) content = new Uint8Array(first)
    else if (first instanceof Uint8Array) content = first
    else content = [first, ...others].filter(Boolean)
    if (Array.isArray(content) && content.length === 0) content = null
    const kept = {}
    for (const [name, value] of Object.entries(attrs ?? {})) {
      if (value == null) throw new Error(`Attr ${name} in <${tag}> is null`)
      if (value !== DROP_ATTR) kept[name] = value
    }
    return new WapNode(tag, kept, content)
  }
  const makeStanza = ({ tag, attrs, content }) => {
    if (Array.isArray(content)) return new WapNode(tag, attrs, content.map(makeStanza))
    return new WapNode(tag, attrs, typeof content === 'string' ? encoder.encode(content) : content)
  }

  /** WhatsApp's binary form without its dictionary of frequent words: lists, texts, JIDs. */
  const encodeStanza = (stanza) => {
    let bytes = new Uint8Array(512)
    let length = 1
    const room = (count) => {
      if (length + count <= bytes.length) return
      const larger = new Uint8Array(Math.max(bytes.length * 2, length + count))
      larger.set(bytes)
      bytes = larger
    }
    const put = (...numbers) => {
      room(numbers.length)
      for (const number of numbers) bytes[length++] = number
    }
    const data = (value) => {
      if (value.length < 256) put(252, value.length)
      else if (value.length < 1 << 20)
        put(253, value.length >>> 16, (value.length >>> 8) & 255, value.length & 255)
      else
        put(
          254,
          value.length >>> 24,
          (value.length >>> 16) & 255,
          (value.length >>> 8) & 255,
          value.length & 255
        )
      room(value.length)
      bytes.set(value, length)
      length += value.length
    }
    const list = (count) => {
      if (count < 256) put(248, count)
      else put(249, count >>> 8, count & 255)
    }
    const value = (one) => {
      if (one == null) put(0)
      else if (one instanceof WapJid) {
        const { user, server, device } = one.getInnerJid()
        put(250)
        value(user === null ? null : `${user}${device ? `:${device}` : ''}`)
        value(server)
      } else if (typeof one === 'string') data(encoder.encode(one))
      else if (one instanceof Uint8Array) data(one)
      else throw new Error(`Invalid payload type ${typeof one}`)
    }
    const node = ({ tag, attrs, content }) => {
      const names = Object.keys(attrs ?? {})
      list(1 + names.length * 2 + (content ? 1 : 0))
      value(tag)
      for (const name of names) {
        value(name)
        value(attrs[name])
      }
      if (Array.isArray(content)) {
        list(content.length)
        for (const child of content) node(child)
      } else if (content) value(content)
    }
    node(stanza instanceof WapNode ? stanza : makeStanza(stanza))
    return bytes.slice(0, length)
  }

  let prefix
  let count = 1
  const generateId = () => {
    prefix ??= `${crypto.getRandomValues(new Uint16Array(2)).join('.')}-`
    return `${prefix}${count++}`
  }
  const JID = (text) => {
    const [user, server] = String(text).split('@')
    if (server === undefined) return WapJid.create(null, user)
    return WapJid.create(user, server === 'c.us' ? 's.whatsapp.net' : server)
  }
  return {
    DROP_ATTR,
    WapNode,
    wap,
    makeWapNode: wap,
    makeStanza,
    encodeStanza,
    generateId,
    JID,
    S_WHATSAPP_NET: WapJid.create(null, 's.whatsapp.net'),
    G_US: WapJid.create(null, 'g.us'),
    STATUS_BROADCAST: WapJid.create('status', 'broadcast'),
    NEWSLETTER: WapJid.create(null, 'newsletter'),
    CALL: WapJid.create(null, 'call'),
    decodeAsString: (value) => (value instanceof WapJid ? value.toString() : value),
    USER_JID: JID,
    DEVICE_JID: JID,
    GROUP_JID: JID,
    BROADCAST_JID: JID,
    CALL_JID: JID,
    NEWSLETTER_JID: JID,
    DOMAIN_JID: JID,
    CUSTOM_STRING: asIs,
    STANZA_ID: asIs,
    CALL_ID: asIs,
    SMAX_ID: String,
    INT: String,
    MAYBE_CUSTOM_STRING: (value) => value ?? DROP_ATTR,
    decodeStanzaDebug: (bytes) => decoder.decode(bytes)
  }
})

/** Frames over the WebSocket: three bytes of length, then the data. */
bundle('WAFrameSocket', (use) => {
  class FrameSocket {
    constructor(socket) {
      this.$1 = socket
    }
    sendFrame(data) {
      if (this.$1.readyState !== WebSocket.OPEN) return
      if (data.byteLength >= 1 << 24)
        throw new (use('WAErrors').BufferTooLargeError)('Buffer too large')
      const frame = new Uint8Array(3 + data.byteLength)
      frame.set([data.byteLength >>> 16, (data.byteLength >>> 8) & 255, data.byteLength & 255])
      frame.set(data, 3)
      this.$1.send(frame)
    }
    close() {
      this.$1.close()
    }
  }
  return { FrameSocket }
})
/** The encryption of the frames, which is asynchronous; here it changes nothing. */
bundle('WANoiseSocket', () => {
  class NoiseSocket {
    constructor(socket) {
      this.$1 = socket
    }
    async sendFrame(data) {
      await Promise.resolve()
      this.$1.sendFrame(data)
    }
    close() {
      this.$1.close()
    }
  }
  return { NoiseSocket }
})
bundle('WAWebOpenSocket', () => ({
  openWebSocket: () => {
    const socket = new WebSocket(`wss://${location.host}/ws/chat`)
    socket.binaryType = 'arraybuffer'
    return socket
  }
}))

/**
 * Set by app.js: what to do with what the servers say, and with the connection's coming and going.
 */
bundle('WAWebCommsConfig', () => {
  const handlers = {
    handshake: () => ({}),
    frame: () => undefined,
    opened: () => undefined,
    closed: () => undefined
  }
  return { getCommsConfig: () => ({ handlers }) }
})

bundle('WAComms', (use) => {
  let comms = null
  let nextOrder = 1

  /**
   * The connection, opened again whenever it is lost, and the questions that wait for an answer.
   */
  class Comms {
    constructor() {
      this.nextSocketId = 1
      this.pendingIqs = new Map()
      this.pendingSmaxStanzas = new Map()
      this.ackHandlers = []
      this.socket = null
      this.socketId = 0
      this.$1 = use('scenario').reconnectMs
      this.$2 = undefined
      this.$3 = undefined
      this.$4 = false
    }
    castStanza(stanza) {
      const socket = this.socketOrThrow('castStanza')
      try {
        return socket.sendFrame(use('WAWap').encodeStanza(stanza)).catch((error) => {
          use('WALogger').ERROR('castStanza async error', error)
          if (error instanceof use('WAErrors').BufferTooLargeError) return Promise.reject(error)
        })
      } catch (error) {
        use('WALogger').ERROR('castStanza error', error)
      }
      return Promise.resolve()
    }
    callStanza(stanza) {
      return this.castStanza(stanza)
    }
    socketOrThrow(name) {
      if (this.socket) return this.socket
      throw new Error(`Comms.${name} called while no socket`)
    }
    handleStanza(stanza) {
      const { tag, attrs } = stanza
      const pending = this.pendingSmaxStanzas.get(attrs.id) ?? this.pendingIqs.get(attrs.id)
      if (tag === 'iq' && pending !== undefined) {
        this.pendingIqs.delete(attrs.id)
        this.pendingSmaxStanzas.delete(attrs.id)
        pending.resolve(stanza)
        return
      }
      const at = this.ackHandlers.findIndex(({ parseAndTest }) => parseAndTest(stanza) !== null)
      if (tag === 'ack' && at >= 0) this.ackHandlers.splice(at, 1)[0].resolve(stanza)
    }
    openSocket() {
      clearTimeout(this.$2)
      this.$4 = false
      if (this.$3 !== undefined && this.$3.readyState <= WebSocket.OPEN) return
      const mine = use('WAWebOpenSocket').openWebSocket()
      this.$3 = mine
      const { handlers } = use('WAWebCommsConfig').getCommsConfig()
      mine.onopen = () => {
        this.$1 = use('scenario').reconnectMs
        this.socketId = this.nextSocketId++
        // The handshake carries the device and its keys; it is no stanza.
        mine.send(JSON.stringify({ t: 'hello', ...handlers.handshake() }))
        this.socket = new (use('WANoiseSocket').NoiseSocket)(
          new (use('WAFrameSocket').FrameSocket)(mine)
        )
        use('side').opened(mine)
        handlers.opened()
        // What was asked without a connection is sent now.
        const pending = [
          ...this.pendingIqs.values(),
          ...this.pendingSmaxStanzas.values(),
          ...this.ackHandlers
        ]
        for (const { stanza } of pending.sort((a, b) => a.orderedId - b.orderedId))
          this.callStanza(stanza)
      }
      mine.onmessage = ({ data }) => {
        const frame = JSON.parse(data)
        if (frame.t === 'stanza') this.handleStanza(frame)
        else if (!use('side').answered(frame)) handlers.frame(frame)
      }
      mine.onclose = () => {
        if (mine !== this.$3) return
        this.socket = null
        this.socketId = 0
        use('side').closed()
        this.dropAttached()
        if (!this.$4) handlers.closed()
      }
    }
    dropAttached() {
      const { Disconnected } = use('WAErrors')
      for (const pending of [this.pendingIqs, this.pendingSmaxStanzas]) {
        for (const [id, { attachedToSocketId, resolve }] of pending) {
          if (!attachedToSocketId) continue
          pending.delete(id)
          resolve(Promise.reject(new Disconnected()))
        }
      }
    }
    openLater() {
      clearTimeout(this.$2)
      this.$2 = setTimeout(() => this.openSocket(), this.$1)
      this.$1 = Math.min(this.$1 * 2, 10_000)
    }
    end() {
      this.$4 = true
      clearTimeout(this.$2)
      const mine = this.$3
      this.$3 = undefined
      this.socket = null
      this.dropAttached()
      use('side').closed()
      mine?.close()
    }
  }

  const need = (name) => {
    if (comms) return comms
    throw new Error(`[comms] ${name} called before startComms`)
  }
  const send = (stanza, withoutRetry, pendingOf) =>
    new Promise((resolve, reject) => {
      const mine = need('sendIq')
      const { id } = stanza.attrs
      if (typeof id !== 'string') throw new Error('[comms] sendIq given iq without id')
      if (withoutRetry && !mine.socketId) return reject(new (use('WAErrors').Offline)())
      pendingOf(mine).set(id, {
        stanza,
        resolve,
        attachedToSocketId: withoutRetry ? mine.socketId : 0,
        orderedId: nextOrder++
      })
      if (mine.socket) mine.callStanza(stanza)
    })
  return {
    DEFAULT_SOCKET_ID: 0,
    getComms: () => comms,
    startComms: () => {
      if (comms) return
      comms = new Comms()
      comms.openSocket()
    },
    stopComms: () => {
      comms?.end()
      comms = null
    },
    closeSocket: () => need('closeSocket').socket?.close(),
    closeSocketAndPreventRetry: () => comms?.end(),
    closeSocketAndResume: () => need('closeSocketAndResume').openSocket(),
    openSocketLoop: () => need('openSocketLoop').openSocket(),
    isSocketConnected: () => Boolean(comms?.socket),
    isActiveSocket: (id) => need('isActiveSocket').socketId === id,
    castSmaxStanza: (stanza, context) => {
      const mine = need('castStanza')
      if (mine.socket) mine.castStanza(stanza, context)
    },
    _sendIq: (stanza, withoutRetry) => send(stanza, withoutRetry, ({ pendingIqs }) => pendingIqs),
    sendSmaxStanza: (stanza, options) =>
      send(stanza, options?.withoutRetry ?? false, ({ pendingSmaxStanzas }) => pendingSmaxStanzas),
    sendPing: () => use('ping').send(),
    singletonOrThrowIfUninitialized: need,
    getAndIncrementNextOrderedId: () => nextOrder++
  }
})

/** The older way to send, which most of the page's jobs use. */
bundle('WADeprecatedSendIq', (use) => {
  const parsed = (stanza, parse) =>
    stanza.attrs.type === 'error'
      ? { success: false, errorCode: 500 }
      : { success: true, result: typeof parse === 'function' ? parse(stanza) : stanza.content }
  const sendIq = (withoutRetry) => async (stanza, parse) =>
    parsed(await use('WAComms')._sendIq(stanza, withoutRetry), parse)
  const sendAndReturnAck = (stanza, { id } = stanza.attrs) =>
    new Promise((resolve, reject) => {
      const comms = use('WAComms').singletonOrThrowIfUninitialized(
        'deprecatedSendStanzaAndReturnAck'
      )
      const waiting = {
        type: 'ack',
        stanza,
        resolve,
        parseAndTest: (ack) => (ack.attrs.id === id ? ack : null),
        attachedToSocketId: 0,
        orderedId: use('WAComms').getAndIncrementNextOrderedId()
      }
      comms.ackHandlers.push(waiting)
      if (comms.socket) comms.callStanza(stanza).catch(reject)
    })
  return {
    deprecatedSendIq: sendIq(false),
    deprecatedSendIqWithoutRetry: sendIq(true),
    deprecatedSendIqIfConnectedWithin: sendIq(false),
    deprecatedSendIqErrorParser: sendIq(false),
    deprecatedSendStanzaAndWaitForAck: (stanza, template) =>
      sendAndReturnAck(stanza, template).then(() => undefined),
    deprecatedSendStanzaAndReturnAck: sendAndReturnAck,
    deprecatedCastStanza: (stanza, context) => use('WAComms').castSmaxStanza(stanza, context)
  }
})

bundle('ping', (use) => ({
  send: () => {
    const { wap, generateId, S_WHATSAPP_NET } = use('WAWap')
    const ping = wap(
      'iq',
      { id: generateId(), to: S_WHATSAPP_NET, type: 'get', xmlns: 'w:p' },
      wap('ping', null)
    )
    return use('WAComms').sendSmaxStanza(ping, { withoutRetry: true })
  }
}))

bundle('side', () => {
  const queries = new Map()
  const unsent = []
  let socket
  let nextQuery = 1
  const tell = (frame) => {
    const text = JSON.stringify(frame)
    if (socket?.readyState === WebSocket.OPEN) socket.send(text)
    else unsent.push(text)
  }
  return {
    tell,
    query: (what, facts = {}) =>
      new Promise((resolve, reject) => {
        if (socket?.readyState !== WebSocket.OPEN)
          return reject(new Error('not connected to WhatsApp'))
        const n = nextQuery++
        queries.set(n, { resolve, reject })
        tell({ t: 'query', n, what, ...facts })
      }),
    opened: (opened) => {
      socket = opened
      for (const text of unsent.splice(0)) socket.send(text)
    },
    closed: () => {
      socket = undefined
      for (const { reject } of queries.values())
        reject(new Error('the connection to WhatsApp was lost'))
      queries.clear()
    },
    answered: ({ t, n, result, error }) => {
      if (t !== 'answer') return false
      const { resolve, reject } = queries.get(n) ?? {}
      queries.delete(n)
      if (error === undefined) resolve?.(result)
      else reject?.(new Error(error))
      return true
    }
  }
})
