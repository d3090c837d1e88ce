/** What the buttons of the passkey screen do. */
bundle('WAWebShortcakeLinkingPasskeyPrologue', (use) => {
  const { encodeB64UrlSafe, decodeB64UrlSafe } = use('WABase64')
  const performWebAuthnAssertion = async (bytes) => {
    const publicKey = JSON.parse(new TextDecoder().decode(bytes))
    publicKey.challenge = decodeB64UrlSafe(publicKey.challenge)
    for (const credential of publicKey.allowCredentials ?? [])
      credential.id = decodeB64UrlSafe(credential.id)
    const credential = await navigator.credentials.get({ publicKey })
    if (credential == null || credential.type !== 'public-key')
      throw new Error('Shortcake prologue: WebAuthn ceremony returned no credential')
    const { id, rawId, type, response } = credential
    const encoded = {
      id,
      rawId: encodeB64UrlSafe(rawId),
      type,
      response: {
        clientDataJSON: encodeB64UrlSafe(response.clientDataJSON),
        authenticatorData: encodeB64UrlSafe(response.authenticatorData),
        signature: encodeB64UrlSafe(response.signature),
        userHandle: response.userHandle ? encodeB64UrlSafe(response.userHandle) : null
      }
    }
    return {
      assertion: new TextEncoder().encode(JSON.stringify(encoded)),
      credentialId: new Uint8Array(rawId)
    }
  }
  const executePasskeyPrologue = async () => {
    try {
      const options = await use('WAWebShortcakeLinkingRequestOptionsCache').getRequestOptions()
      const { assertion, credentialId } = await performWebAuthnAssertion(options)
      const ref = await use('WAWebShortcakeLinkingIq').getRef()
      const payload = await use('WAWebShortcakeLinkingApi').initializeShortcakeLinking(ref)
      await use('WAWebShortcakeLinkingIq').sendPasskeyPrologue({ credentialId, assertion, payload })
      use('WAWebShortcakeLinkingApi').markPrologueSent()
    } catch (error) {
      use('WAWebShortcakeLinkingRequestOptionsCache').clearCachedRequestOptions()
      use('WAWebShortcakeLinkingApi').cancelShortcakeLinking()
      throw error
    }
  }
  return { performWebAuthnAssertion, executePasskeyPrologue }
})
bundle.default(
  'WAWebShortcakeLinkingPairingRequest',
  () => async () => crypto.getRandomValues(new Uint8Array(96))
)
bundle('WAWebShortcakeLinkingAction', (use) => ({
  startShortcakePasskeyPairing: () =>
    use('WAWebShortcakeLinkingPasskeyPrologue').executePasskeyPrologue(),
  confirmShortcakeVerificationCode: async () => {
    const request = await use('WAWebShortcakeLinkingPairingRequest')()
    await use('WAWebShortcakeLinkingApi').confirmVerificationCode(request)
  },
  cancelShortcakePasskeyPairing: () => use('WAWebShortcakeLinkingApi').cancelShortcakeLinking()
}))
