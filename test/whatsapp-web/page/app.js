/** What WhatsApp Web does by itself: link, connect, sync, receive, show. */
__d('session', (use) => {
  const { Socket } = use('WAWebSocketModel')
  const { Conn } = use('WAWebConnModel')
  const { Cmd } = use('WAWebCmd')
  const { Stream } = use('WAWebStreamModel')
  const { Msg, Chat, Contact } = use('WAWebCollections')
  const { revive } = use('revive')
  const { OfflineMessageHandler } = use('WAWebOfflineHandler')
  const wire = use('wire')
  const device = use('device')
  const scenario = use('scenario')
  /** States in which WhatsApp Web stays where it is until somebody acts. */
  const resting = new Set(['CONFLICT', 'UNPAIRED_IDLE', 'DEPRECATED_VERSION', 'TOS_BLOCK', 'SMB_TOS_BLOCK', 'PROXYBLOCK'])
  let linked
  /** It takes everything in and tells nobody; a browser that is closed forgets that, a page that is loaded anew does not. */
  let stalled = sessionStorage.getItem('stalled') !== null

  const showPresence = () => {
    if (Socket.state !== 'CONNECTED') return
    if (document.visibilityState === 'visible' && document.hasFocus()) Stream.markAvailable()
    else Stream.markUnavailable()
  }

  const chatOf = (id, facts = {}) => Chat.get(id) ?? Chat.add({ ...facts, id: use('WAWebWidFactory').createWid(id) })

  /**
   * Lets go of messages, first of the chats whose earlier ones were asked for longest ago, and of none where that was just
   * now; of each it keeps the newest, so that what it holds of a chat has no gap.
   */
  const holdNoMore = (most) => {
    // a chat is not looked for with each message
    if (Msg.length <= most || Msg.length % 50 !== 0) return
    const quiet = Date.now() - 10_000
    const chats = Chat.filter(({ askedAt, msgs }) => askedAt < quiet && msgs.length > 50).sort((a, b) => a.askedAt - b.askedAt)
    for (const { msgs } of chats) {
      for (const { id } of msgs.getModelsArray().slice(0, -50)) {
        msgs.remove(id, { silent: true })
        Msg.remove(id, { silent: true })
      }
      if (Msg.length <= most * 0.9) return
    }
  }

  const add = (facts, isNewMsg, silent = stalled) => {
    const chat = chatOf(facts.id.remote)
    const there = Msg.get(new (use('WAWebMsgKey'))(facts.id))
    const model = there ?? Msg.add(revive({ ...facts, isNewMsg }), { silent })
    chat.msgs.add(model, { silent })
    const counts = isNewMsg && there === undefined && !model.id.fromMe && !model.isNotification
    chat.set({ t: Math.max(chat.t ?? 0, facts.t), lastReceivedKey: model.id, unreadCount: model.id.fromMe ? 0 : chat.unreadCount + Number(counts) }, { silent })
    if (scenario.mostHeld > 0) holdNoMore(scenario.mostHeld)
    show(model)
  }

  const happenings = {
    message: ({ message, silent }) => add(message, true, silent || stalled),
    update: ({ id, set, silent }) => Msg.get(id)?.set(revive(set), { silent: silent || stalled }),
    remove: ({ id, chat }) => {
      Chat.get(chat)?.msgs.remove(id, { silent: stalled })
      Msg.remove(id, { silent: stalled })
    },
    reaction: ({ row }) => !stalled && use('WAWebAddonReactionTableMode').reactionTableMode.bulkUpsert([revive(row)]),
    vote: ({ row }) => !stalled && use('WAWebAddonPollVoteTableMode').pollVoteTableMode.bulkUpsert([revive(row)]),
    call: ({ call }) => use('WAWebCallCollection').add({ ...call, peerJid: use('WAWebWidFactory').createWid(call.peerJid) }),
    lid: ({ pair }) => use('WAWebApiContact').learn([pair]),
    chat: ({ chat }) => Chat.get(chat.id) ?? Chat.add({ ...chat, id: use('WAWebWidFactory').createWid(chat.id) }),
    contact: ({ contact }) => Contact.gadd({ ...contact, id: use('WAWebWidFactory').createWid(contact.id) })
  }
  /** A fault in one event, or in somebody's listener, costs that event alone. */
  const happen = (events) => {
    for (const event of events) {
      try {
        happenings[event.kind](event)
      } catch (error) {
        reportError(error)
      }
    }
    wire.tell({ t: 'ack', n: events.at(-1).n })
  }

  const loggedOut = async () => {
    Cmd.trigger('logout_from_bridge')
    await device.forget()
    wire.close()
    location.replace('/?post_logout=1&logout_reason=0')
  }

  const frames = {
    ref: ({ ref }) => {
      Conn.ref = ref
      if (linked === undefined) Socket.state = 'UNPAIRED'
    },
    'ref-end': () => {
      Socket.state = 'UNPAIRED_IDLE'
    },
    paired: async (frame) => {
      linked = frame.device
      await device.write(linked)
      Socket.state = 'PAIRING'
      wire.tell({ t: 'linked' })
    },
    success: ({ me, lids, chats, contacts }) => {
      use('WAWebUserPrefsMeUser').setMe(me)
      Conn.set({ pushname: me.pushname, platform: 'android', wid: use('WAWebWidFactory').createWid(me.id) })
      use('WAWebApiContact').learn(lids)
      for (const contact of contacts) Contact.gadd(revive({ ...contact, id: use('WAWebWidFactory').createWid(contact.id) }), { silent: true })
      for (const { last, ...chat } of chats) {
        const model = Chat.get(chat.id) ?? Chat.add({ ...chat, id: use('WAWebWidFactory').createWid(chat.id) }, { silent: true })
        for (const facts of last) if (Msg.get(new (use('WAWebMsgKey'))(facts.id)) === undefined) model.msgs.add(Msg.add(revive({ ...facts, isNewMsg: false }), { silent: true }), { silent: true })
      }
      Socket.state = 'OPENING'
      Socket.state = 'CONNECTED'
      showPresence()
    },
    progress: ({ percent }) => {
      OfflineMessageHandler.setOfflineDeliveryProgress(percent)
      Cmd.trigger('offline_progress_update_from_bridge')
    },
    synced: () => {
      Socket.hasSynced = true
      wire.tell({ t: 'synced' })
    },
    'synced-again': () => Socket.trigger('change:hasSynced', Socket, true),
    events: ({ events }) => happen(events),
    logout: loggedOut,
    state: ({ state }) => {
      Socket.state = state
      if (resting.has(state)) wire.close()
    },
    battery: ({ battery, plugged }) => Conn.set({ battery, plugged }),
    stall: ({ until }) => {
      stalled = until !== null
      if (until === 'restart') sessionStorage.setItem('stalled', until)
      else sessionStorage.removeItem('stalled')
      if (until !== 'reinject') return
      const { on } = Msg
      Msg.on = (...args) => {
        stalled = false
        Msg.on = on
        return Msg.on(...args)
      }
    },
    throw: ({ message }) => setTimeout(() => {
      throw new Error(message)
    }),
    hang: () => {
      for (;;);
    },
    show: () => showPresence()
  }

  const start = async () => {
    linked = await device.read()
    Socket.state = 'OPENING'
    Object.assign(wire.handlers, {
      opened: () => wire.tell({ t: 'hello', device: linked, keys: { noise: use('keys').noise, identity: use('keys').identity, secret: use('keys').secret, platform: '1' } }),
      frame: (frame) => frames[frame.t](frame),
      closed: () => {
        if (resting.has(Socket.state)) return
        if (linked !== undefined) Socket.state = 'TIMEOUT'
        Socket.state = 'OPENING'
        wire.openLater()
      }
    })
    Cmd.on('refresh_qr', () => (Socket.state === 'UNPAIRED_IDLE' || Socket.state === 'UNPAIRED') && wire.tell({ t: 'refresh-qr' }))
    for (const name of ['focus', 'blur']) window.addEventListener(name, showPresence)
    document.addEventListener('visibilitychange', showPresence)
    wire.open()
  }

  const element = (id) => document.getElementById(id)
  Socket.on('change:state', (_socket, state) => {
    element('state').textContent = state
    if (state === 'CONNECTED') element('qr').textContent = ''
  })
  Socket.on('change:hasSynced', () => {
    element('sync').textContent = 'synced'
  })
  Conn.on('change:ref', (_conn, ref) => {
    element('qr').textContent = `QR: ${ref}`
  })
  const show = (model) => {
    const line = document.createElement('li')
    line.textContent = `${model.id.fromMe ? '→' : '←'} ${model.id.remote}: ${model.type === 'chat' ? model.body : `(${model.type})`}`
    element('messages').prepend(line)
    if (element('messages').childElementCount > 50) element('messages').lastElementChild.remove()
  }
  return { start, loggedOut, scenario }
})

window.require('session').start()
