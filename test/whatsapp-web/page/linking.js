/** The socket's state, the account, and how this browser becomes a linked device. */
bundle('WAWebSocketConstants', () => {
  const mirrored = (...names) => Object.fromEntries(names.map((name) => [name, name]))
  return {
    SOCKET_STATE: mirrored(
      'OPENING',
      'PAIRING',
      'UNPAIRED',
      'UNPAIRED_IDLE',
      'CONNECTED',
      'CONFLICT',
      'UNLAUNCHED',
      'PROXYBLOCK',
      'TOS_BLOCK',
      'SMB_TOS_BLOCK',
      'DEPRECATED_VERSION',
      'SCREEN_LOCKED'
    ),
    SOCKET_STREAM: mirrored('DISCONNECTED', 'SYNCING', 'RESUMING', 'CONNECTED')
  }
})

bundle('WAWebUnpairDeviceJob', (use) => ({
  unpairDevice: async (reason) => {
    const { wap, generateId, S_WHATSAPP_NET, JID } = use('WAWap')
    const device = wap('remove-companion-device', {
      jid: JID(String(use('WAWebUserPrefsMeUser').getMaybeMePnUser())),
      reason
    })
    const answer = await use('WADeprecatedSendIq').deprecatedSendIq(
      wap('iq', { to: S_WHATSAPP_NET, type: 'set', id: generateId(), xmlns: 'md' }, device)
    )
    return { status: answer.success ? 200 : answer.errorCode }
  }
}))

bundle('WAWebSocketModel', (use) => {
  /** State: SOCKET_STATE of WAWebSocketConstants; older versions had TIMEOUT, too. */
  class Socket extends use('models').Model {
    /**
     * Unlinks this device, as the menu's "Log out" does: the network may take 3 s for it, then it
     * is done alone.
     */
    async logout(reason = 'user_initiated') {
      const isUnlinked = use('WAWebUnpairDeviceJob').unpairDevice(reason)
      await Promise.race([isUnlinked, new Promise((resolve) => setTimeout(resolve, 3_000))])
      setTimeout(() => use('session').loggedOut())
    }
    /** This browser takes the connection from the other one. */
    takeover() {
      if (this.state !== 'CONFLICT') throw new Error('Socket.takeover called without a conflict')
      use('WAComms').openSocketLoop()
    }
    reconnect() {
      use('WAComms').openSocketLoop()
    }
  }
  return { Socket: new Socket({ state: 'UNLAUNCHED', stream: 'DISCONNECTED', hasSynced: false }) }
})

bundle('WAWebConnModel', (use) => {
  class Conn extends use('models').Model {
    canSetMyPushname() {
      return true
    }
  }
  return {
    Conn: new Conn({
      ref: undefined,
      pushname: undefined,
      platform: undefined,
      battery: undefined,
      plugged: undefined,
      wid: undefined
    })
  }
})

/**
 * Whether WhatsApp's servers, and so the account's contacts, are told that somebody sits before
 * this page.
 */
bundle('WAWebStreamModel', (use) => {
  class Stream extends use('models').Model {
    markAvailable() {
      this.available = true
    }
    markUnavailable() {
      this.available = false
    }
  }
  const stream = new Stream({ available: false, mode: 'MAIN' })
  stream.on('change:available', (_stream, available) => {
    const { sendPresenceAvailable, sendPresenceUnavailable } = use('WAWebPresenceChatAction')
    return available ? sendPresenceAvailable() : sendPresenceUnavailable()
  })
  return {
    Stream: stream,
    StreamMode: { QR: 'QR', MAIN: 'MAIN', SYNCING: 'SYNCING', OFFLINE: 'OFFLINE' }
  }
})

bundle('WAWebOfflineHandler', () => {
  let percent = 0
  return {
    OfflineMessageHandler: {
      getOfflineDeliveryProgress: () => percent,
      setOfflineDeliveryProgress: (value) => {
        percent = value
      }
    }
  }
})

{
  const bytesOf = (length) => crypto.getRandomValues(new Uint8Array(length))
  bundle('WABase64', () => ({
    encodeB64: (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))),
    decodeB64: (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer,
    encodeB64UrlSafe: (bytes) =>
      btoa(String.fromCharCode(...new Uint8Array(bytes)))
        .replaceAll('+', '-')
        .replaceAll('/', '_')
        .replaceAll('=', ''),
    decodeB64UrlSafe: (text) =>
      Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) =>
        char.charCodeAt(0)
      ).buffer
  }))
  // keys of this page: they show up in the QR code, and nothing is ever encrypted with them here
  bundle('keys', (use) => ({
    noise: use('WABase64').encodeB64(keys.noise),
    identity: use('WABase64').encodeB64(keys.identity),
    secret: keys.secret
  }))
  const keys = {
    noise: bytesOf(32),
    identity: bytesOf(32),
    secret: btoa(String.fromCharCode(...bytesOf(32)))
  }
  bundle('WAWebUserPrefsInfoStore', () => ({
    waNoiseInfo: {
      get: async () => ({
        staticKeyPair: { pubKey: keys.noise.buffer, privKey: bytesOf(32).buffer }
      })
    }
  }))
  bundle('WAWebSignalStoreApi', () => ({
    waSignalStore: {
      getRegistrationInfo: async () => ({
        registrationId: 1,
        identityKeyPair: { pubKey: keys.identity.buffer, privKey: bytesOf(32).buffer }
      })
    }
  }))
  bundle('WAWebUserPrefsMultiDevice', () => ({ getADVSecretKey: () => keys.secret }))
  bundle('WAWebCompanionRegClientUtils', () => ({ DEVICE_PLATFORM: '1' }))
  bundle('WAWebAdvSignatureApi', () => ({ generateADVSecretKey: () => keys.secret }))
}

bundle('WAWebPairingType', (use) => ({
  PairingType: Object.fromEntries(
    [
      'QR_CODE',
      'ALT_DEVICE_LINKING',
      ...(use('scenario').web === '2026-04' ? [] : ['SHORTCAKE_PASSKEY'])
    ].map((name) => [name, name])
  )
}))

/** Linking by a code that is typed in on the phone: a start, which sets the type, then the code. */
bundle('WAWebAltDeviceLinkingApi', (use) => {
  const AltPairingStage = Object.fromEntries(
    ['NotStarted', 'Initialized', 'AfterSendCompanionHello', 'AfterSendCompanionFinish'].map(
      (name) => [name, name]
    )
  )
  let type = 'QR_CODE'
  let stage = AltPairingStage.NotStarted
  let ref = null

  /**
   * The hello of the device that wants to be linked. @returns the code, which here the server makes
   */
  const sendCompanionHello = async (phoneNumber, showNotification) => {
    const { wap, generateId, S_WHATSAPP_NET, JID } = use('WAWap')
    const hello = wap(
      'link_code_companion_reg',
      {
        jid: JID(`${phoneNumber}@s.whatsapp.net`),
        stage: 'companion_hello',
        should_show_push_notification: String(showNotification === true)
      },
      wap('companion_platform_id', null, '1')
    )
    const answer = await use('WADeprecatedSendIq').deprecatedSendIq(
      wap('iq', { id: generateId(), to: S_WHATSAPP_NET, type: 'set', xmlns: 'md' }, hello)
    )
    if (!answer.success) throw new Error('alt pairing: could not get ref from companion hello')
    ref = 'ref'
    return answer.result
  }
  return {
    AltPairingStage,
    getPairingType: () => type,
    getCurrentRef: () => ref,
    setPairingType: (wanted) => {
      type = wanted
    },
    initializeAltDeviceLinking: async () => {
      stage = AltPairingStage.Initialized
      type = 'ALT_DEVICE_LINKING'
    },
    initializeQRLinking: async () => {
      stage = AltPairingStage.NotStarted
      type = 'QR_CODE'
      ref = null
      use('side').tell({ t: 'qr-linking' })
    },
    startAltLinkingFlow: async (phoneNumber, showNotification) => {
      if (stage !== AltPairingStage.Initialized)
        throw new Error(`alt pairing: the stage is ${stage}`)
      if (!/^\d{7,15}$/.test(phoneNumber))
        throw new Error('the phone number is not made of digits alone')
      const code = await sendCompanionHello(phoneNumber, showNotification)
      stage = AltPairingStage.AfterSendCompanionHello
      return code
    }
  }
})
bundle('WAWebLinkDeviceEvents', (use) => {
  const events = {
    RefreshAltLinkingCode: 'refresh_alt_linking_code',
    ErrorAltLinking: 'error_alt_linking',
    PrimaryHelloReceived: 'primary_hello_received',
    PasskeyPrologueRequest: 'passkey_prologue_request'
  }
  class LinkDeviceEvents extends use('events').Events {}
  for (const [name, event] of Object.entries(events)) {
    LinkDeviceEvents.prototype[`trigger${name}`] = function () {
      this.trigger(`link_device_events:${event}`)
    }
  }
  return { WAWebLinkDeviceEvents: new LinkDeviceEvents() }
})
/** A new QR is a new connection: it ends the old one and starts another. */
bundle(
  'WAWebLaunchSocketUtils',
  (use) => ({
    refreshQR: () => use('launch').restart(),
    startCommsAndHandleRequests: async () => use('WAComms').startComms()
  }),
  // In the era `next` something that it needs is not there yet: it is registered, and cannot be
  // required.
  JSON.parse(document.getElementById('scenario').textContent).web === 'next'
    ? ['WAWebLaunchSocketDeferred']
    : ['launch', 'WAComms']
)
bundle('launch', (use) => ({
  restart: () => {
    use('WAComms').stopComms()
    use('WAComms').startComms()
  }
}))
/** What the parts of WhatsApp Web that talk to the servers tell each other. */
bundle('WAWebBackendEventBus', (use) => {
  const events = {
    RefreshQR: 'refresh_qr',
    Logout: 'logout',
    StartingLogout: 'starting_logout',
    SetSocketState: 'set_socket_state',
    OnCriticalSyncDone: 'on_critical_sync_done',
    MainStreamModeReady: 'main_stream_mode_ready',
    OfflineDeliveryEnd: 'offline_delivery_end',
    OfflineProgressUpdate: 'offline_progress_update',
    AccountTemporarilyBanned: 'account_temporarily_banned',
    ReconnectSocket: 'reconnect_socket'
  }
  class BackendEventBus extends use('events').Events {}
  for (const [name, event] of Object.entries(events)) {
    BackendEventBus.prototype[`trigger${name}`] = function (...about) {
      return this.trigger(event, ...about)
    }
    BackendEventBus.prototype[`on${name}`] = function (listener) {
      return this.on(event, listener)
    }
  }
  return { BackendEventBus: new BackendEventBus() }
})
bundle.default('WAWebMiscBrowserUtils', () => ({
  info: () => ({ os: 'Linux', name: 'Chrome', version: '1' })
}))

bundle('WAWebUserPrefsMeUser', (use) => {
  let me
  const wid = (id) => (id === undefined ? undefined : use('WAWebWidFactory').createWid(id))
  const isMeAccount = (id) =>
    me !== undefined && [me.id, me.lid].includes(String(id).replace(/:\d+@/, '@'))
  return {
    setMe: (account) => {
      me = account
    },
    getMaybeMePnUser: () => wid(me?.id),
    getMaybeMeLidUser: () => wid(me?.lid),
    getMePnUserOrThrow_DO_NOT_USE: () => wid(me.id),
    isMeAccount: (id) => isMeAccount(id),
    isMePnUser: (id) => me !== undefined && String(id) === me.id,
    isMePrimary: (id) => isMeAccount(id) && !id.device
  }
})

/**
 * The linked device, where WhatsApp Web keeps its keys: in IndexedDB, flushed to the disk, so that
 * a browser killed the moment after is still linked.
 */
bundle('device', () => {
  const opened = new Promise((resolve, reject) => {
    const request = indexedDB.open('wawc', 1)
    request.onupgradeneeded = () => request.result.createObjectStore('device')
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
  const change = async (act) => {
    const transaction = (await opened).transaction('device', 'readwrite', { durability: 'strict' })
    const request = act(transaction.objectStore('device'))
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve
      transaction.onerror = () => reject(transaction.error)
    })
    return request.result
  }
  return {
    read: () => change((store) => store.get('device')),
    write: (device) => change((store) => store.put(device, 'device')),
    forget: () => change((store) => store.delete('device'))
  }
})
