/** What WhatsApp Web does by itself: link, connect, sync, receive, show. */

/** Delivery receipts: what every linked device sends for what it received. */
bundle('WAWebSendDeliveryReceiptJob', (use) => {
  const idsByChat = (messages) => Map.groupBy(messages, ({ id }) => String(id.remote))
  const send = (chat, messages) => {
    const { wap, JID, DROP_ATTR } = use('WAWap')
    const [first, ...others] = messages
    const { fromMe } = first.id
    const isActive = use('WAWebStreamModel').Stream.available
    const items = others.map(({ id }) => wap('item', { id: id.id }))
    const stanza = wap(
      'receipt',
      {
        id: first.id.id,
        to: JID(chat),
        type: fromMe ? 'sender' : isActive ? DROP_ATTR : 'inactive'
      },
      items.length === 0 ? undefined : wap('list', null, items)
    )
    use('WADeprecatedSendIq').deprecatedCastStanza(stanza)
  }
  return {
    /** A failure is logged, and the message is kept all the same. */
    sendDeliveryReceiptsAfterDecryption: async (messages) => {
      try {
        for (const [chat, own] of idsByChat(messages)) {
          for (const alike of Map.groupBy(own, ({ id }) => id.fromMe).values()) send(chat, alike)
        }
      } catch (error) {
        use('WALogger').ERROR('sendDeliveryReceipt failed', error)
      }
    }
  }
})

/** Where a message is deleted for everyone: its model gets another key, and says which it had. */
bundle('WAWebRevoke', (use) => ({
  getMsgKeyAfterRevoke: ({ originalKey, revokeKey }) =>
    new (use('WAWebMsgKey'))({
      fromMe: originalKey.fromMe,
      id: revokeKey.id,
      remote: originalKey.remote,
      participant: originalKey.participant
    })
}))
bundle('WAWebRevokeMsgAction', (use) => ({
  revoke: (model, { msgKey, subtype, sender, revokeTimestamp }, options) => {
    const oldKey = model.id
    const newKey = use('WAWebRevoke').getMsgKeyAfterRevoke({
      originalKey: oldKey,
      revokeKey: msgKey
    })
    const chat = use('WAWebCollections').Chat.get(oldKey.remote)
    if (!options.silent) model.trigger('revoked')
    chat?.msgs.replaceId(oldKey, newKey, options)
    use('WAWebCollections').Msg.replaceId(oldKey, newKey, options)
    const nothing = [
      'body',
      'caption',
      'clientUrl',
      'deprecatedMms3Url',
      'directPath',
      'loc',
      'lat',
      'lng',
      'isLive',
      'comment',
      'title',
      'description',
      'matchedText',
      'thumbnail',
      'quotedMsg',
      'quotedStanzaID',
      'quotedRemoteJid',
      'quotedParticipant',
      'mentionedJidList',
      'groupMentions',
      'vcardList',
      'parentMsgKey',
      'associationType'
    ]
    model.mediaData = undefined
    model.set(
      {
        ...Object.fromEntries(nothing.map((name) => [name, undefined])),
        isOverwrittenByRevoke: true,
        id: newKey,
        type: 'revoked',
        subtype,
        revokeSender: sender,
        revokeTimestamp,
        protocolMessageKey: oldKey,
        star: false,
        viewMode: 'VISIBLE'
      },
      options
    )
    if (!options.silent) model.trigger('change:msgKey', { newKey, oldKey })
    if (chat?.lastReceivedKey?.equals(oldKey)) chat.set({ lastReceivedKey: newKey }, options)
  }
}))

/**
 * What the tests have made faulty: chats whose older messages do not load, messages that cannot be
 * serialised.
 */
bundle('faults', () => {
  let faults = { chats: {}, messages: [] }
  let changed = () => undefined
  let whenChanged = new Promise((resolve) => (changed = resolve))
  return {
    set: (given) => {
      faults = given
      changed()
      whenChanged = new Promise((resolve) => (changed = resolve))
    },
    ofChat: (id) => faults.chats[String(id)],
    ofMessage: (id) => faults.messages.includes(String(id)),
    whenChanged: () => whenChanged
  }
})

/** What the servers say that happened, taken into the collections and tables. */
bundle('happenings', (use) => {
  const { Msg, Chat, Contact } = use('WAWebCollections')
  const { revive } = use('revive')
  const { createWid } = use('WAWebWidFactory')
  const MsgKey = use('WAWebMsgKey')
  const scenario = use('scenario')
  /**
   * The page takes everything in and tells nobody; a browser that is closed forgets that, a page
   * that reloads does not.
   */
  let isStalled = sessionStorage.getItem('stalled') !== null

  /**
   * Lets go of messages, first of the chats whose earlier ones were asked for longest ago, and of
   * none where that was just now; of each it keeps the newest, so that what it holds of a chat has
   * no gap.
   */
  const holdNoMore = (max) => {
    if (Msg.length <= max || Msg.length % 50 !== 0) return
    const quiet = Date.now() - 10_000
    const chats = Chat.filter(({ askedAt, msgs }) => askedAt < quiet && msgs.length > 50).sort(
      (a, b) => a.askedAt - b.askedAt
    )
    for (const { msgs } of chats) {
      for (const { id } of msgs.getModelsArray().slice(0, -50)) {
        msgs.remove(id, { silent: true })
        Msg.remove(id, { silent: true })
      }
      if (Msg.length <= max * 0.9) return
    }
  }
  const chatOf = (id) => Chat.get(id) ?? Chat.add({ id: createWid(id) })
  const add = (facts, isFresh, silent = isStalled) => {
    // The page adds a call to its collection itself, before its message goes the way of the others.
    const isNewMsg = isFresh && facts.type !== 'call_log'
    const chat = chatOf(facts.id.remote)
    const known = Msg.get(MsgKey.from(facts.id))
    const model = known ?? Msg.add(revive({ ...facts, isNewMsg }), { silent })
    chat.msgs.add(model, { silent })
    const counts = isNewMsg && known === undefined && !model.id.fromMe && !model.isNotification
    const unreadCount = model.id.fromMe ? 0 : chat.unreadCount + Number(counts)
    chat.set(
      { t: Math.max(chat.t ?? 0, facts.t), lastReceivedKey: model.id, unreadCount },
      { silent }
    )
    if (scenario.mostHeld > 0) holdNoMore(scenario.mostHeld)
    use('screen').showMessage(model)
    return model
  }
  const update = ({ id, set, silent }) => {
    const model = Msg.get(id)
    if (model === undefined) return
    const options = { silent: silent || isStalled }
    const {
      id: key,
      type,
      subtype,
      revokeTimestamp,
      protocolMessageKey: _old,
      ...others
    } = revive(set)
    if (type === 'revoked' && key !== undefined)
      use('WAWebRevokeMsgAction').revoke(
        model,
        { msgKey: key, subtype, revokeTimestamp, sender: others.revokeSender },
        options
      )
    else model.set(revive(set), options)
  }
  /** Reactions and votes are stored by modules that are loaded when they are first needed. */
  const inAddons = (act) =>
    !isStalled &&
    use('lazy').load(
      'addons',
      (addons) =>
        void act(addons).catch((error) =>
          use('side').tell({ t: 'page-error', message: String(error) })
        )
    )

  const kinds = {
    message: ({ message, silent }) => add(message, true, silent || isStalled),
    update,
    remove: ({ id, chat }) => {
      Chat.get(chat)?.msgs.remove(id, { silent: isStalled })
      Msg.remove(id, { silent: isStalled })
    },
    reaction: ({ row }) => inAddons(({ storeReaction }) => storeReaction(revive(row))),
    vote: ({ row }) => inAddons(({ storeVote }) => storeVote(revive(row))),
    call: ({ call }) =>
      use('WAWebCallCollection').add({ ...call, peerJid: createWid(call.peerJid) }),
    lid: ({ pair }) => use('lids').learn([pair]),
    fault: ({ faults }) => use('faults').set(faults),
    chat: ({ chat }) => Chat.get(chat.id) ?? Chat.add({ ...chat, id: createWid(chat.id) }),
    contact: ({ contact }) => Contact.gadd({ ...contact, id: createWid(contact.id) })
  }
  const acknowledge = (n) => {
    const { wap, S_WHATSAPP_NET } = use('WAWap')
    const ack = wap('ack', { id: String(n), to: S_WHATSAPP_NET, class: 'message' })
    use('WAComms').getComms()?.castStanza(ack)
  }
  /** A fault in one event, or in a listener, costs that event alone. */
  const happen = (events) => {
    const received = []
    for (const event of events) {
      try {
        const model = kinds[event.kind](event)
        if (event.kind === 'message') received.push(model)
      } catch (error) {
        reportError(error)
      }
    }
    if (received.length > 0)
      use('WAWebSendDeliveryReceiptJob').sendDeliveryReceiptsAfterDecryption(received)
    acknowledge(events.at(-1).n)
  }
  const takeIn = ({ chats, contacts, lids, faults }) => {
    use('faults').set(faults)
    use('lids').learn(lids)
    const quietly = { silent: true }
    for (const contact of contacts)
      Contact.gadd(revive({ ...contact, id: createWid(contact.id) }), quietly)
    for (const { last, ...chat } of chats) {
      const model = Chat.get(chat.id) ?? Chat.add({ ...chat, id: createWid(chat.id) }, quietly)
      for (const facts of last) {
        if (Msg.get(MsgKey.from(facts.id)) !== undefined) continue
        model.msgs.add(Msg.add(revive({ ...facts, isNewMsg: false }), quietly), quietly)
      }
    }
  }
  /** @param until what makes the page tell again; null: it does now */
  const stall = (until) => {
    isStalled = until !== null
    if (until === 'restart') sessionStorage.setItem('stalled', until)
    else sessionStorage.removeItem('stalled')
    if (until !== 'reinject') return
    const { on } = Msg
    Msg.on = (...args) => {
      isStalled = false
      Msg.on = on
      return Msg.on(...args)
    }
  }
  return { happen, takeIn, stall }
})

/**
 * What the page asks and says when it has connected as a linked device; without `active` the
 * servers hold all back.
 */
bundle('startup', (use) => {
  const iq = (type, xmlns, ...children) => {
    const { wap, generateId, S_WHATSAPP_NET } = use('WAWap')
    return use('WADeprecatedSendIq').deprecatedSendIq(
      wap('iq', { id: generateId(), to: S_WHATSAPP_NET, type, xmlns }, ...children)
    )
  }
  const uploadPreKeys = async () => {
    const { wap } = use('WAWap')
    await iq('get', 'encrypt', wap('count', null))
    await iq(
      'set',
      'encrypt',
      wap('registration', null, 'reg'),
      wap('type', null, 'type'),
      wap('list', null, wap('key', null, 'key'))
    )
  }
  const readAppState = () => {
    const { wap } = use('WAWap')
    const collection = wap('collection', {
      name: 'critical_block',
      version: '1',
      return_snapshot: 'false'
    })
    return iq('set', 'w:sync:app:state', wap('sync', null, collection))
  }
  return {
    run: async () => {
      const { wap } = use('WAWap')
      await uploadPreKeys()
      await iq('set', 'passive', wap('active', null))
      use('WAComms').castSmaxStanza(wap('ib', null, wap('unified_session', { id: '1' })))
      await Promise.all([
        iq('get', 'abt', wap('props', { protocol: '1' })),
        iq('set', 'urn:xmpp:whatsapp:dirty', wap('clean', { type: 'account_sync' })),
        iq(
          'get',
          'usync',
          wap('usync', {
            sid: '1',
            mode: 'query',
            context: 'interactive',
            last: 'true',
            index: '0'
          })
        ),
        iq('set', 'urn:xmpp:whatsapp:push', wap('config', { platform: 'none' })),
        iq('set', 'w:stats', wap('add', { t: '1' })),
        readAppState()
      ])
    }
  }
})

/**
 * Reload after a logout: an address of its own only when clearing failed, or when the reason has a
 * code.
 */
bundle.default('WAWebReloadAfterLogout', () => (hasFailed = false, reason = undefined) => {
  const parameters = new URLSearchParams()
  if (hasFailed) parameters.set('post_logout', '1')
  const code = { fatal: '0', sync: '1', history_timeout: '2', account_locked: '3' }[reason]
  if (code !== undefined) parameters.set('logout_reason', code)
  if (parameters.size === 0) location.reload()
  else location.href = `${location.pathname}?${parameters}`
})

/** The page reloads itself when WhatsApp's servers say so, or after thirty days. */
bundle('WAWebUpdater', (use) => {
  const loadedAt = Date.now()
  const maxAge = 30 * 86_400_000
  const restart = () => location.reload()
  const poll = async () => {
    const answer = await fetch(
      `/spin?subplatform=web&revision=${use('scenario').version.split('.').at(-1)}`
    )
    const { action } = await answer.json()
    if (action === 'SOFT_REFRESH') use('WAWebStreamModel').Stream.set({ needsUpdate: true })
    if (action === 'HARD_REFRESH') restart()
  }
  return {
    Updater: {
      poll,
      restart,
      /** @param now ms; the page's own clock, or another */
      reloadIfOld: (now = Date.now()) => now - loadedAt > maxAge && restart()
    }
  }
})

bundle('session', (use) => {
  const { Socket } = use('WAWebSocketModel')
  const { Conn } = use('WAWebConnModel')
  const { Cmd } = use('WAWebCmd')
  const { Stream } = use('WAWebStreamModel')
  const { OfflineMessageHandler } = use('WAWebOfflineHandler')
  const { BackendEventBus } = use('WAWebBackendEventBus')
  const { tell } = use('side')
  const device = use('device')
  const scenario = use('scenario')
  /** States in which WhatsApp Web stays until somebody acts. */
  const resting = new Set([
    'CONFLICT',
    'UNPAIRED_IDLE',
    'DEPRECATED_VERSION',
    'TOS_BLOCK',
    'SMB_TOS_BLOCK',
    'PROXYBLOCK'
  ])
  let linked

  const showPresence = () => {
    if (Socket.state !== 'CONNECTED') return
    if (document.visibilityState === 'visible' && document.hasFocus()) Stream.markAvailable()
    else Stream.markUnavailable()
  }
  const answerIq = (id, ...children) => {
    const { wap, S_WHATSAPP_NET } = use('WAWap')
    return use('WAComms')
      .getComms()
      .castStanza(wap('iq', { id, to: S_WHATSAPP_NET, type: 'result' }, ...children))
  }
  /** Credentials go first, then the page reloads, and only then everybody hears of it. */
  const loggedOut = async (reason) => {
    if (scenario.web === '2026-04') Cmd.trigger('logout_from_bridge')
    await device.forget()
    use('WAComms').closeSocketAndPreventRetry()
    if (scenario.web === '2026-04') return location.replace('/?post_logout=1&logout_reason=0')
    use('WAWebReloadAfterLogout')(false, reason)
    BackendEventBus.triggerLogout()
  }
  const enter = async ({ me, ...held }) => {
    use('WAWebUserPrefsMeUser').setMe(me)
    Conn.set({
      pushname: me.pushname,
      platform: 'android',
      wid: use('WAWebWidFactory').createWid(me.id)
    })
    use('happenings').takeIn(held)
    Socket.state = 'OPENING'
    Socket.state = 'CONNECTED'
    showPresence()
    await use('startup').run()
    use('WAWebIntegrityCheckpointOpener').initIntegrityCheckpointOpener()
  }
  const frames = {
    ref: ({ ref, id }) => {
      Conn.ref = ref
      if (linked === undefined) Socket.state = 'UNPAIRED'
      if (id !== undefined) answerIq(id)
    },
    'ref-end': () => {
      Socket.state = 'UNPAIRED_IDLE'
    },
    paired: async (frame) => {
      linked = frame.device
      use('screen').hidePasskey()
      await device.write(linked)
      Socket.state = 'PAIRING'
      answerIq(
        frame.id,
        use('WAWap').wap(
          'pair-device-sign',
          null,
          use('WAWap').wap('device-identity', { 'key-index': '1' }, 'identity')
        )
      )
    },
    success: enter,
    progress: ({ percent }) => {
      OfflineMessageHandler.setOfflineDeliveryProgress(percent)
      Cmd.trigger('offline_progress_update_from_bridge')
    },
    synced: () => {
      Socket.hasSynced = true
      tell({ t: 'synced' })
    },
    'synced-again': () => Socket.trigger('change:hasSynced', Socket, true),
    events: ({ events }) => use('happenings').happen(events),
    logout: ({ reason }) => loggedOut(reason),
    state: ({ state }) => {
      Socket.state = state
      if (resting.has(state)) use('WAComms').closeSocketAndPreventRetry()
    },
    battery: ({ battery, plugged }) => Conn.set({ battery, plugged }),
    stall: ({ until }) => use('happenings').stall(until),
    throw: ({ message }) =>
      setTimeout(() => {
        throw new Error(message)
      }),
    hang: () => {
      for (;;);
    },
    show: () => showPresence(),
    'media-retry': ({ id, hasIt }) => use('mediaretry').handle(id, hasIt),
    notification: (frame) =>
      use('lazy').load(
        'WAWebHandleShortcakeNotification',
        ({ handle }) => void handle(frame).catch(reportError)
      ),
    checkpoint: async ({ challenge, pressed }) => {
      const state = { challenge_type: 'PASSKEY', passkey_challenge_base64: challenge }
      await use('WAWebUserPrefsIndexedDBStorage').userPrefsIdb.set(
        'WAIntegrityChallengeState',
        state
      )
      use('WAWebIntegrityCheckpointOpener').openChallengeModal(state)
      if (pressed) document.querySelector('#checkpoint button').click()
    },
    spin: () => use('WAWebUpdater').Updater.poll(),
    'thirty-days': () => use('WAWebUpdater').Updater.reloadIfOld(Date.now() + 31 * 86_400_000)
  }
  const keys = () => {
    const { noise, identity, secret } = use('keys')
    return { noise, identity, secret, platform: '1' }
  }
  const reconnect = () => {
    if (resting.has(Socket.state)) return
    if (linked !== undefined && scenario.web === '2026-04') Socket.state = 'TIMEOUT'
    Socket.state = 'OPENING'
    use('WAComms').getComms()?.openLater()
  }
  const start = async () => {
    linked = await device.read()
    Socket.state = 'OPENING'
    Object.assign(use('WAWebCommsConfig').getCommsConfig().handlers, {
      handshake: () => ({ device: linked, keys: keys() }),
      frame: (frame) => frames[frame.t]?.(frame),
      closed: reconnect
    })
    const refresh = () => linked === undefined && use('launch').restart()
    Cmd.on('refresh_qr', refresh)
    BackendEventBus.onRefreshQR(refresh)
    // What the servers' side hears goes on to the rest of the page by a bridge.
    BackendEventBus.onLogout(() => Cmd.trigger('logout_from_bridge'))
    for (const name of ['focus', 'blur']) window.addEventListener(name, showPresence)
    document.addEventListener('visibilitychange', showPresence)
    use('screen').watch()
    setInterval(
      () =>
        use('WAComms').isSocketConnected() &&
        use('WAComms')
          .sendPing()
          .catch(() => undefined),
      20_000
    )
    setInterval(
      () =>
        void use('WAWebUpdater')
          .Updater.poll()
          .catch(() => undefined),
      30 * 60_000
    )
    if (scenario.busybody) use('lazy').load('busybody', (busybody) => busybody.start())
    use('WAComms').startComms()
  }
  return { start, loggedOut, scenario, isLinked: () => linked !== undefined }
})

/** What is to be seen. */
bundle('screen', (use) => {
  const element = (id) => document.getElementById(id)
  const qrText = (ref) => {
    const { noise, identity, secret } = use('keys')
    const text = [ref, noise, identity, secret, '1'].join(',')
    return use('scenario').web === '2026-04'
      ? text
      : `https://wa.me/settings/linked_devices#${text}`
  }
  return {
    watch: () => {
      use('WAWebSocketModel').Socket.on('change:state', (_socket, state) => {
        element('state').textContent = state
        if (state === 'CONNECTED') element('qr').textContent = ''
      })
      use('WAWebSocketModel').Socket.on('change:hasSynced', () => {
        element('sync').textContent = 'synced'
      })
      use('WAWebConnModel').Conn.on('change:ref', (_conn, ref) => {
        element('qr').textContent = `QR: ${qrText(ref)}`
        element('qr').dataset.ref = qrText(ref)
      })
    },
    /**
     * The screen of linking by passkey: prompt, code_matching, or error, which is the prompt once
     * more.
     */
    showPasskey: (step, code = '') => {
      const card = element('passkey') ?? document.createElement('section')
      card.id = 'passkey'
      card.dataset.testid =
        step === 'code_matching' ? 'shortcake_code_matching' : 'shortcake_passkey_prompt_card'
      const button = document.createElement('button')
      button.textContent = step === 'code_matching' ? `Confirm ${code}` : 'Continue'
      const verb =
        step === 'code_matching'
          ? 'confirmShortcakeVerificationCode'
          : 'startShortcakePasskeyPairing'
      button.onclick = () =>
        use('lazy').load(
          'WAWebShortcakeLinkingAction',
          (action) => void action[verb]().catch(reportError)
        )
      card.replaceChildren(button)
      document.body.append(card)
    },
    hidePasskey: () => element('passkey')?.remove(),
    showMessage: (model) => {
      const line = document.createElement('li')
      line.textContent = `${model.id.fromMe ? '→' : '←'} ${model.id.remote}: ${model.type === 'chat' ? model.body : `(${model.type})`}`
      element('messages').prepend(line)
      if (element('messages').childElementCount > 50) element('messages').lastElementChild.remove()
    }
  }
})

/**
 * Modules that this version of the page loads only when they are first needed, in bundles of their
 * own.
 */
bundle('lazy', (use) => {
  const bundles = {
    WAWebHandleShortcakeNotification: 'shortcake',
    WAWebShortcakeLinkingAction: 'shortcakeaction',
    busybody: 'busybody',
    ...(use('scenario').web === 'next' ? { addons: 'lazy' } : {})
  }
  const asked = new Set()
  const ask = (name) => {
    if (name === undefined || asked.has(name)) return
    asked.add(name)
    const script = document.createElement('script')
    script.src = `/${name}.js`
    document.head.append(script)
  }
  return {
    load: (name, then) => {
      ask(bundles[name])
      requireLazy([name], then)
    }
  }
})

// The page says its version, and starts once all of it is there.
requireLazy(['scenario'], (scenario) => {
  const showVersion = () => {
    window.Debug = { VERSION: scenario.version }
  }
  if (scenario.deprecated) return
  if (scenario.versionMs > 0) setTimeout(showVersion, scenario.versionMs)
  else showVersion()
})
requireLazy(['session'], (session) => void session.start())
