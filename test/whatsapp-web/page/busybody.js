/**
 * A page whose own code sends on its own: presence, a subscription, what is typed, read receipts, a
 * message, an app-state patch. It asks the loader and never `window.require`, and does not care
 * whether it is seen. Each attempt is told to the tests before it is made, so that they can compare
 * attempts with what left.
 */
bundle('busybody', (use) => {
  const chat = '5215500000009@c.us'
  const { JID, wap, generateId, S_WHATSAPP_NET } = use('WAWap')
  const receipt = (type) => () =>
    use('WADeprecatedSendIq').deprecatedCastStanza(
      wap('receipt', { id: generateId(), to: JID(chat), type, t: String(Date.now()) })
    )

  const attempts = {
    'presence available': () => use('WAWebContactPresenceBridge').setPresenceAvailable(),
    'presence subscribe': () => use('WAWebContactPresenceBridge').subscribePresence(chat),
    chatstate: () =>
      use('WAComms').castSmaxStanza(wap('chatstate', { to: JID(chat) }, wap('composing', null))),
    'receipt read': receipt('read'),
    'receipt read-self': receipt('read-self'),
    'receipt played': receipt('played'),
    'receipt played-self': receipt('played-self'),
    message: () => {
      const id = generateId()
      const stanza = wap(
        'message',
        { id, to: JID(chat), type: 'text' },
        wap('enc', { v: '2', type: 'msg' }, 'ciphertext')
      )
      // Without a connection it waits for one, and is then sent.
      return use('WADeprecatedSendIq').deprecatedSendStanzaAndReturnAck(stanza, {
        id,
        class: 'message'
      })
    },
    'iq set w:sync:app:state': () => {
      const patch = wap(
        'collection',
        { name: 'regular_high', version: '1' },
        wap('patch', null, 'mutation')
      )
      const stanza = wap(
        'iq',
        { id: generateId(), to: S_WHATSAPP_NET, type: 'set', xmlns: 'w:sync:app:state' },
        wap('sync', null, patch)
      )
      return use('WADeprecatedSendIq').deprecatedSendIq(stanza)
    }
  }
  const all = (phase) => {
    for (const [kind, send] of Object.entries(attempts)) {
      use('side').tell({ t: 'attempt', kind, phase, visibility: document.visibilityState })
      try {
        Promise.resolve(send()).catch(() => undefined)
      } catch {
        // The page's own code logs it and goes on.
      }
    }
  }
  const start = () => {
    const isReload = sessionStorage.getItem('busybody') !== null
    sessionStorage.setItem('busybody', 'loaded')
    all(isReload ? 'reload' : 'load')
    const { Socket } = use('WAWebSocketModel')
    Socket.on('change:state', (_socket, state) =>
      all(state === 'CONNECTED' ? 'connected' : 'connecting')
    )
    Socket.on('change:hasSynced', () => all('ready'))
    setInterval(() => Socket.hasSynced && all('background'), 1_000)
  }
  return { start }
})
