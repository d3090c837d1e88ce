/**
 * The integrity checkpoint of an account that is linked: a modal over the page that asks for the
 * account's passkey once its button is pressed. The session stays connected behind it. What is
 * asked is kept until it is answered.
 */
bundle('WAWebUserPrefsIndexedDBStorage', () => {
  const kept = new Map(Object.entries(JSON.parse(localStorage.getItem('userPrefsIdb') ?? '{}')))
  const save = () => localStorage.setItem('userPrefsIdb', JSON.stringify(Object.fromEntries(kept)))
  return {
    userPrefsIdb: {
      get: (key) => kept.get(key),
      set: async (key, value) => {
        kept.set(key, value)
        save()
      },
      remove: async (key) => {
        kept.delete(key)
        save()
      }
    }
  }
})
bundle('WAWebIntegrityChallengeUtils', (use) => ({
  ChallengeTypes: { PASSKEY: 'PASSKEY', CAPTCHA: 'CAPTCHA' },
  INTEGRITY_CHALLENGE_IDB_KEY: 'WAIntegrityChallengeState',
  performPasskeyAssertion: async (challenge) => {
    const { encodeB64UrlSafe, decodeB64UrlSafe } = use('WABase64')
    const publicKey = {
      challenge: decodeB64UrlSafe(challenge),
      rpId: 'whatsapp.com',
      userVerification: 'preferred',
      timeout: 600_000,
      extensions: { prf: { eval: { first: new TextEncoder().encode('whatsapp-challenge') } } }
    }
    const credential = await navigator.credentials.get({ publicKey })
    if (credential == null) throw new Error('No credential returned from WebAuthn API')
    const { response } = credential
    return {
      credential_id: credential.id,
      raw_id: encodeB64UrlSafe(credential.rawId),
      type: credential.type,
      authenticator_data: encodeB64UrlSafe(response.authenticatorData),
      client_data_json: encodeB64UrlSafe(response.clientDataJSON),
      signature: encodeB64UrlSafe(response.signature),
      user_handle: response.userHandle ? encodeB64UrlSafe(response.userHandle) : '',
      prf_output: null
    }
  }
}))
bundle('WAWebMexIntegrityChallengeResponse', (use) => ({
  mexSubmitPasskeyChallengeResponse: async (answer) => {
    const { wap, generateId, S_WHATSAPP_NET } = use('WAWap')
    const query = wap(
      'query',
      { query_id: 'integrity_challenge_response' },
      JSON.stringify({ variables: { input: answer } })
    )
    const stanza = wap(
      'iq',
      { id: generateId(), to: S_WHATSAPP_NET, type: 'get', xmlns: 'w:mex' },
      query
    )
    const { success, result } = await use('WADeprecatedSendIq').deprecatedSendIq(stanza)
    return { success: success && result?.success === true }
  }
}))
bundle('WAWebIntegrityPasskeyCheckpointUtils', (use) => {
  const keyName = () => use('WAWebIntegrityChallengeUtils').INTEGRITY_CHALLENGE_IDB_KEY
  const answer = async (challenge) => {
    const assertion = await use('WAWebIntegrityChallengeUtils').performPasskeyAssertion(challenge)
    const { success } = await use(
      'WAWebMexIntegrityChallengeResponse'
    ).mexSubmitPasskeyChallengeResponse(assertion)
    if (!success) throw new Error('Server rejected challenge response')
    await use('WAWebUserPrefsIndexedDBStorage').userPrefsIdb.remove(keyName())
    document.getElementById('checkpoint')?.remove()
  }
  return {
    openPasskeyCheckpoint: (challenge) => {
      document.getElementById('checkpoint')?.remove()
      const modal = document.createElement('dialog')
      modal.id = 'checkpoint'
      const button = document.createElement('button')
      button.textContent = 'Continue'
      button.onclick = () =>
        void answer(challenge).catch((error) =>
          use('side').tell({ t: 'checkpoint-error', message: String(error) })
        )
      modal.append(button)
      document.body.append(modal)
      modal.show()
    }
  }
})
bundle('WAWebIntegrityCheckpointOpener', (use) => {
  const openChallengeModal = (state) => {
    if (state.challenge_type === 'PASSKEY')
      use('WAWebIntegrityPasskeyCheckpointUtils').openPasskeyCheckpoint(
        state.passkey_challenge_base64
      )
  }
  const stored = () =>
    use('WAWebUserPrefsIndexedDBStorage').userPrefsIdb.get(
      use('WAWebIntegrityChallengeUtils').INTEGRITY_CHALLENGE_IDB_KEY
    )
  return {
    openChallengeModal,
    initIntegrityCheckpointOpener: () => {
      const state = stored()
      if (state != null) openChallengeModal(state)
    }
  }
})
