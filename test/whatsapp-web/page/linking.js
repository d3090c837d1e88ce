/** The socket's state, the account, and how this browser becomes a linked device. */
__d('WAWebSocketModel', (use) => {
  /** WAState: UNLAUNCHED, UNPAIRED, UNPAIRED_IDLE, PAIRING, OPENING, CONNECTED, TIMEOUT, CONFLICT, … */
  class Socket extends use('models').Model {
    /** Unlinks this device, as the menu's "Log out" does. */
    async logout() {
      await use('wire').query('logout')
      setTimeout(() => use('session').loggedOut())
    }
    /** This browser takes the connection from the other one. */
    takeover() {
      use('wire').open()
    }
    reconnect() {
      use('wire').open()
    }
  }
  return { Socket: new Socket({ state: 'UNLAUNCHED', stream: 'DISCONNECTED', hasSynced: false }) }
})

__d('WAWebConnModel', (use) => {
  class Conn extends use('models').Model {
    canSetMyPushname() {
      return true
    }
  }
  return { Conn: new Conn({ ref: undefined, pushname: undefined, platform: undefined, battery: undefined, plugged: undefined, wid: undefined }) }
})

/** Whether WhatsApp's servers, and so the account's contacts, are told that somebody sits before this page. */
__d('WAWebStreamModel', (use) => {
  class Stream extends use('models').Model {
    markAvailable() {
      this.available = true
    }
    markUnavailable() {
      this.available = false
    }
  }
  const stream = new Stream({ available: false, mode: 'MAIN' })
  stream.on('change:available', (_stream, available) => use('outbound').outbound(`presence ${available ? 'available' : 'unavailable'}`))
  return { Stream: stream }
})

__d('WAWebOfflineHandler', () => {
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
  __d('WABase64', () => ({
    encodeB64: (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))),
    decodeB64: (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer
  }))
  // keys of this page: they show up in the QR code, and nothing is ever encrypted with them here
  __d('keys', (use) => ({ noise: use('WABase64').encodeB64(keys.noise), identity: use('WABase64').encodeB64(keys.identity), secret: keys.secret }))
  const keys = { noise: bytesOf(32), identity: bytesOf(32), secret: btoa(String.fromCharCode(...bytesOf(32))) }
  __d('WAWebUserPrefsInfoStore', () => ({ waNoiseInfo: { get: async () => ({ staticKeyPair: { pubKey: keys.noise.buffer, privKey: bytesOf(32).buffer } }) } }))
  __d('WAWebSignalStoreApi', () => ({
    waSignalStore: { getRegistrationInfo: async () => ({ registrationId: 1, identityKeyPair: { pubKey: keys.identity.buffer, privKey: bytesOf(32).buffer } }) }
  }))
  __d('WAWebUserPrefsMultiDevice', () => ({ getADVSecretKey: () => keys.secret }))
  __d('WAWebCompanionRegClientUtils', () => ({ DEVICE_PLATFORM: '1' }))
  __d('WAWebAdvSignatureApi', () => ({ generateADVSecretKey: () => keys.secret }))
}

/** Linking by a code that is typed in on the phone: the type first, then a start, then the code. */
__d('WAWebAltDeviceLinkingApi', (use) => {
  let type = 'QR_LINKING'
  let initialized = false
  return {
    setPairingType: (wanted) => {
      type = wanted
    },
    initializeAltDeviceLinking: async () => {
      if (type !== 'ALT_DEVICE_LINKING') throw new Error(`the pairing type is ${type}`)
      initialized = true
    },
    initializeQRLinking: async () => {
      type = 'QR_LINKING'
      initialized = false
      await use('wire').query('qr-linking')
    },
    startAltLinkingFlow: async (phoneNumber, showNotification) => {
      if (!initialized) throw new Error('linking by a code was not initialized')
      if (!/^\d{7,15}$/.test(phoneNumber)) throw new Error('the phone number is not made of digits alone')
      return use('wire').query('pairing-code', { phoneNumber, showNotification })
    }
  }
})
__d('WAWebLaunchSocketUtils', (use) => ({ refreshQR: () => use('WAWebCmd').Cmd.refreshQR() }))
__d('WAWebMiscBrowserUtils', () => ({ info: () => ({ os: 'Linux', name: 'Chrome', version: '1' }) }))

__d('WAWebUserPrefsMeUser', (use) => {
  let me
  const wid = (id) => (id === undefined ? undefined : use('WAWebWidFactory').createWid(id))
  return {
    setMe: (account) => {
      me = account
    },
    getMaybeMePnUser: () => wid(me?.id),
    getMaybeMeLidUser: () => wid(me?.lid),
    getMePnUserOrThrow: () => wid(me.id),
    isMeAccount: (id) => me !== undefined && [me.id, me.lid].includes(String(id))
  }
})

/**
 * The linked device, where WhatsApp Web keeps its keys: in IndexedDB, flushed to the disk, so that a browser killed
 * the moment after is still linked.
 */
__d('device', () => {
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
