/**
 * Media: fetched from WhatsApp's media servers as ciphertext and decrypted here, as WhatsApp does
 * it.
 */
bundle('WAWebHttpErrors', () => {
  class HttpStatusCodeError extends Error {
    constructor(status, url) {
      super(`HTTP ${status}`)
      Object.assign(this, { name: 'HttpStatusCodeError', status, url })
    }
  }
  class HttpNetworkError extends Error {
    name = 'HttpNetworkError'
  }
  return { HttpStatusCodeError, HttpNetworkError }
})
bundle('WAWebMmsClientErrors', (use) => {
  /** Also for 410: to the page both are 404. */
  class MediaNotFoundError extends use('WAWebHttpErrors').HttpStatusCodeError {
    constructor(url) {
      super(404, url)
      this.name = 'MediaNotFoundError'
    }
  }
  return { MediaNotFoundError }
})
bundle('WAWebDownloadManager', (use) => {
  const kinds = {
    image: 'Image',
    sticker: 'Image',
    video: 'Video',
    audio: 'Audio',
    ptt: 'Audio',
    document: 'Document'
  }
  const hash = async (bytes) =>
    use('WABase64').encodeB64(await crypto.subtle.digest('SHA-256', bytes))

  let connection
  /** The hosts of the media servers and the right to ask them, kept as long as the servers say. */
  const mediaConnection = async () => {
    if (connection !== undefined && connection.until > Date.now()) return connection
    const { wap, generateId, S_WHATSAPP_NET } = use('WAWap')
    const question = wap(
      'iq',
      { to: S_WHATSAPP_NET, xmlns: 'w:m', type: 'set', id: generateId() },
      wap('media_conn', null)
    )
    const { success, result } = await use('WADeprecatedSendIq').deprecatedSendIq(question)
    if (!success) throw new Error('media_conn failed')
    connection = { auth: result.auth, until: Date.now() + result.ttl * 1_000 }
    return connection
  }
  const downloadAndMaybeDecrypt = async ({
    directPath,
    encFilehash,
    filehash,
    mediaKey,
    type,
    signal
  }) => {
    const { auth } = await mediaConnection()
    const answer = await fetch(`${directPath}?auth=${auth}`, { signal }).catch((error) => {
      throw error.name === 'AbortError'
        ? error
        : new (use('WAWebHttpErrors').HttpNetworkError)(error.message)
    })
    if (answer.status === 404 || answer.status === 410)
      throw new (use('WAWebMmsClientErrors').MediaNotFoundError)(directPath)
    if (!answer.ok)
      throw new (use('WAWebHttpErrors').HttpStatusCodeError)(answer.status, directPath)
    const sealed = new Uint8Array(await answer.arrayBuffer())
    if ((await hash(sealed)) !== encFilehash) throw new Error('encFilehash mismatch')
    const key = await crypto.subtle.importKey(
      'raw',
      use('WABase64').decodeB64(mediaKey),
      'HKDF',
      false,
      ['deriveBits']
    )
    const info = new TextEncoder().encode(`WhatsApp ${kinds[type] ?? 'Document'} Keys`)
    const expanded = await crypto.subtle.deriveBits(
      { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(32), info },
      key,
      112 * 8
    )
    const [iv, cipherKey, macKey] = [
      expanded.slice(0, 16),
      expanded.slice(16, 48),
      expanded.slice(48, 80)
    ]
    const [text, mac] = [sealed.slice(0, -10), sealed.slice(-10)]
    const signing = await crypto.subtle.importKey(
      'raw',
      macKey,
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign']
    )
    const signed = new Uint8Array(
      await crypto.subtle.sign('HMAC', signing, await new Blob([iv, text]).arrayBuffer())
    ).slice(0, 10)
    if (signed.some((byte, index) => byte !== mac[index])) throw new Error('hmac mismatch')
    const aes = await crypto.subtle.importKey('raw', cipherKey, 'AES-CBC', false, ['decrypt'])
    const plain = await crypto.subtle.decrypt({ name: 'AES-CBC', iv }, aes, text)
    if ((await hash(plain)) !== filehash) throw new Error('filehash mismatch')
    return plain
  }
  return { downloadManager: { downloadAndMaybeDecrypt } }
})
