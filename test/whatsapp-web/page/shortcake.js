/**
 * Linking by the account's passkey ("Shortcake", since June 2026). The servers ask for it after the
 * scan; the page loads these modules then, and those of shortcakeaction.js once its button is
 * pressed.
 */
bundle('WAWebShortcakeLinkingRequestOptionsCache', (use) => {
  let options = null
  return {
    setCachedRequestOptions: (bytes) => {
      options = bytes
    },
    clearCachedRequestOptions: () => {
      options = null
    },
    getRequestOptions: async () => {
      options ??= new TextEncoder().encode(
        await use('WAWebShortcakeLinkingIq').getPasskeyRequestOptions()
      )
      return options
    }
  }
})

bundle('WAWebShortcakeLinkingIq', (use) => {
  const set = (child) => {
    const { wap, generateId, S_WHATSAPP_NET } = use('WAWap')
    return use('WAComms').sendSmaxStanza(
      wap('iq', { id: generateId(), to: S_WHATSAPP_NET, type: 'set', xmlns: 'md' }, child)
    )
  }
  const checked = async (child) => {
    const answer = await set(child)
    if (answer.attrs.type !== 'result') throw new Error('SmaxParsingFailure')
    return answer
  }
  const { wap } = use('WAWap')
  return {
    sendCompanionNonce: (nonce) => checked(wap('companion_nonce', null, nonce)),
    sendEncryptedPairingRequest: (bytes) => checked(wap('encrypted_pairing_request', null, bytes)),
    sendPasskeyPrologue: ({ credentialId, assertion, payload }) =>
      checked(
        wap('passkey_prologue', null, [
          wap('credential_id', null, credentialId),
          wap('webauthn_assertion', null, assertion),
          wap('prologue_payload', null, payload)
        ])
      ),
    /** Asked when none came with the request, or those that came are used up. */
    getPasskeyRequestOptions: async () => {
      const { generateId, S_WHATSAPP_NET } = use('WAWap')
      const question = wap(
        'iq',
        { id: generateId(), to: S_WHATSAPP_NET, type: 'get', xmlns: 'md' },
        wap('passkey_request_options', null)
      )
      const answer = await use('WAComms').sendSmaxStanza(question)
      if (answer.attrs.type !== 'result')
        throw new Error('Shortcake: GetPasskeyRequestOptions IQ failed')
      return answer.content
    },
    getRef: async () => {
      const { generateId, S_WHATSAPP_NET } = use('WAWap')
      const question = wap(
        'iq',
        { id: generateId(), to: S_WHATSAPP_NET, type: 'get', xmlns: 'md' },
        wap('ref', null)
      )
      return (await use('WAComms').sendSmaxStanza(question)).content
    }
  }
})

/** How far it is. What fails or takes too long starts again at NotStarted. */
bundle('WAWebShortcakeLinkingApi', (use) => {
  const ShortcakeLinkingStage = Object.fromEntries(
    [
      'NotStarted',
      'Initialized',
      'WaitingForPrimaryIdentity',
      'WaitingForVerificationCodeConfirmation',
      'WaitingForPairingCompletion'
    ].map((name) => [name, name])
  )
  const timeoutMs = 120_000
  const newState = (epoch) => ({
    epoch,
    stage: 'NotStarted',
    nonce: null,
    verificationCode: null,
    payload: null,
    skipHandoffUx: false,
    timer: undefined
  })
  let state = newState(0)

  const clear = () => {
    clearTimeout(state.timer)
    state = newState(state.epoch + 1)
  }
  const failed = (reason) => {
    clear()
    use('screen').showPasskey('error')
    use('WAWebLinkDeviceEvents').WAWebLinkDeviceEvents.trigger(
      'link_device_events:shortcake_error',
      reason
    )
    use('side').tell({ t: 'shortcake-error', reason })
  }
  const wait = () => {
    clearTimeout(state.timer)
    state.timer = setTimeout(() => failed('timeout'), timeoutMs)
  }
  const need = (stage) => {
    if (state.stage !== stage) throw new Error(`Invariant: Shortcake is at ${state.stage}`)
  }
  const codeOf = async (nonce, primaryKey) => {
    const digest = new Uint8Array(
      await crypto.subtle.digest('SHA-256', new Uint8Array([...nonce, ...primaryKey]))
    )
    const letters = [...digest.slice(0, 8)]
      .map((byte) => '123456789ABCDEFGHJKLMNPQRSTVWXYZ'[byte % 32])
      .join('')
    return `${letters.slice(0, 4)}-${letters.slice(4)}`
  }
  /** Runs a step with the server; when it fails, all of it has. */
  const step = async (act) => {
    const { epoch } = state
    try {
      const result = await act()
      if (state.epoch !== epoch) throw new Error('Shortcake: cancelled')
      return result
    } catch (error) {
      if (state.epoch === epoch) failed('server_error')
      throw error
    }
  }
  return {
    ShortcakeLinkingStage,
    getShortcakeLinkingStage: () => state.stage,
    getVerificationCode: () => state.verificationCode,
    getProloguePayloadBytes: () => state.payload,
    shouldSkipHandoffUx: () => state.skipHandoffUx,
    setSkipHandoffUx: () => {
      state.skipHandoffUx = true
    },
    initializeShortcakeLinking: async () => {
      clear()
      Object.assign(state, {
        stage: 'Initialized',
        nonce: crypto.getRandomValues(new Uint8Array(32)),
        payload: crypto.getRandomValues(new Uint8Array(64))
      })
      return state.payload
    },
    markPrologueSent: () => {
      need('Initialized')
      state.stage = 'WaitingForPrimaryIdentity'
      wait()
      use('WAWebLinkDeviceEvents').WAWebLinkDeviceEvents.trigger(
        'link_device_events:shortcake_prologue_sent'
      )
    },
    handlePrimaryEphemeralIdentity: async (primaryKey) => {
      need('WaitingForPrimaryIdentity')
      state.stage = 'WaitingForVerificationCodeConfirmation'
      await step(async () => {
        await use('WAWebShortcakeLinkingIq').sendCompanionNonce(state.nonce)
        state.verificationCode = await codeOf(state.nonce, primaryKey)
        wait()
      })
      use('WAWebLinkDeviceEvents').WAWebLinkDeviceEvents.trigger(
        'link_device_events:shortcake_verification_code_ready',
        { verificationCode: state.verificationCode }
      )
      use('screen').showPasskey('code_matching', state.verificationCode)
    },
    confirmVerificationCode: async (pairingRequest) => {
      need('WaitingForVerificationCodeConfirmation')
      if (state.verificationCode === null) throw new Error('Shortcake: missing encryption key')
      state.stage = 'WaitingForPairingCompletion'
      await step(() => use('WAWebShortcakeLinkingIq').sendEncryptedPairingRequest(pairingRequest))
      wait()
    },
    cancelShortcakeLinking: clear
  }
})

/** What the servers say meanwhile. @returns whether it was about this */
bundle('WAWebHandleShortcakeNotification', (use) => {
  const acknowledge = ({ id, type }) => {
    const { wap, S_WHATSAPP_NET } = use('WAWap')
    use('WAComms')
      .getComms()
      .castStanza(wap('ack', { id, to: S_WHATSAPP_NET, class: 'notification', type }))
  }
  return {
    handle: async (frame) => {
      acknowledge(frame)
      if (frame.type === 'crsc_continuation')
        return use('WAWebShortcakeLinkingApi').handlePrimaryEphemeralIdentity(frame.primaryKey)
      const options = new TextEncoder().encode(JSON.stringify(frame.options))
      use('WAWebShortcakeLinkingRequestOptionsCache').setCachedRequestOptions(options)
      use('WAWebAltDeviceLinkingApi').setPairingType('SHORTCAKE_PASSKEY')
      use('screen').showPasskey('prompt')
      use('WAWebLinkDeviceEvents').WAWebLinkDeviceEvents.triggerPasskeyPrologueRequest()
    }
  }
})
