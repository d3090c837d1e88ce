/**
 * Ids: of users, groups and chats (Wid), and of messages (MsgKey). Plain data with methods, as they
 * cross to Node.
 */
bundle.default('WAWebWid', (use) => {
  /**
   * Meta's build gives members that begin with `_` another name, except in files that opted out.
   */
  const field = use('scenario').web === 'next' ? '$1' : '_serialized'
  class Wid {
    constructor(id) {
      const [user, server] = id.split('@')
      const [name, device] = user.split(':')
      this.server = server
      this.user = name
      if (Number(device)) this.device = Number(device)
      this[field] = `${name}${this.device ? `:${this.device}` : ''}@${server}`
    }
    toString(options) {
      if (options?.legacy && this.server === 'c.us')
        return `${this.user}${this.device ? `:${this.device}` : ''}@s.whatsapp.net`
      return this[field]
    }
    toJSON() {
      return this.toString()
    }
    toLogString() {
      return `${this.user.slice(-4)}@${this.server}`
    }
    toJid() {
      return this.toString({ legacy: true })
    }
    getJidServer() {
      return this.server === 'c.us' ? 's.whatsapp.net' : this.server
    }
    getDeviceId() {
      return this.device ?? 0
    }
    equals(other) {
      return other instanceof Wid && this.toString() === other.toString()
    }
    isSameAccountAndAddressingMode(other) {
      return this.server === other.server && this.user === other.user
    }
    isCompanion() {
      return this.device !== undefined
    }
    isUser() {
      return ['c.us', 'lid', 'bot', 'hosted', 'hosted.lid'].includes(this.server)
    }
    isLid() {
      return this.server === 'lid'
    }
    isHosted() {
      return this.server === 'hosted' || this.server === 'hosted.lid'
    }
    isPSA() {
      return this.user === '0' && this.server === 'c.us'
    }
    isRegularUser() {
      return this.isUser() && !this.isPSA() && !this.isBot()
    }
    isRegularUserPn() {
      return this.isRegularUser() && !this.isLid()
    }
    isGroup() {
      return this.server === 'g.us'
    }
    isBroadcast() {
      return this.server === 'broadcast'
    }
    isStatus() {
      return this.user === 'status' && this.server === 'broadcast'
    }
    isNewsletter() {
      return this.server === 'newsletter'
    }
    isBot() {
      return this.server === 'bot'
    }
    static isWid(id) {
      return typeof id === 'string' && id.includes('@')
    }
    static equals(one, other) {
      return one instanceof Wid && one.equals(other)
    }
  }
  return Wid
})

bundle('WAWebWidFactory', (use) => {
  const Wid = use('WAWebWid')
  const valid =
    /^[\w.-]+(:\d+)?@(c\.us|lid|hosted|hosted\.lid|g\.us|broadcast|newsletter|bot|call)$/
  const createWid = (id) => {
    if (id instanceof Wid) return id
    const text = String(id).replace(/@s\.whatsapp\.net$/, '@c.us')
    if (!valid.test(text)) throw new Error('wid error: invalid wid')
    return new Wid(text)
  }
  /**
   * Takes text, a Wid, or what is left of a Wid that crossed a boundary: {server, user, device}.
   */
  const createWidFromWidLike = (like) => {
    if (typeof like !== 'object' || like === null || like instanceof Wid) return createWid(like)
    const { server, user, device } = like
    return createWid(`${user}${device ? `:${device}` : ''}@${server}`)
  }
  const asUserWidOrThrow = (wid) => {
    if (!wid?.isUser?.()) throw new Error('wid is not a user')
    return wid.device === undefined ? wid : createWid(`${wid.user}@${wid.server}`)
  }
  return {
    createWid,
    createWidFromWidLike,
    asUserWidOrThrow,
    createUserWidOrThrow: (user, server = 'c.us') => createWid(`${user}@${server}`),
    createUserLidOrThrow: (user) => createWid(`${user}@lid`),
    createDeviceWidFromUserAndDevice: (user, server, device) =>
      createWid(`${user}:${device}@${server}`),
    isWidlike: (like) =>
      like instanceof Wid ||
      (typeof like === 'object' && like !== null && 'server' in like && 'user' in like)
  }
})

bundle.default('WAWebParseMsgKeyString', () => (text) => {
  if (typeof text !== 'string' || text === '')
    throw new Error('MsgKey fromString error: str is null or not a string')
  const [fromMe, remote, id, fourth, fifth] = text.split('_')
  const participant = fourth === 'in' || fourth === 'out' ? fifth : fourth
  return { fromMe: fromMe === 'true', remote, id, participant }
})

bundle.default('WAWebMsgKey', (use) => {
  const Wid = use('WAWebWid')
  const { createWidFromWidLike } = use('WAWebWidFactory')
  const field = { '2026-04': '_serialized', '2026-07': '$1', next: '$7' }[use('scenario').web]

  /** By from and to: whose message it is, and the chat it is in. */
  const fromEnds = ({ from, to, selfDir }) => {
    const { isMePrimary } = use('WAWebUserPrefsMeUser')
    const isToSelf = Wid.equals(from, to)
    if (isToSelf && isMePrimary(from))
      return { fromMe: selfDir === 'out', remote: to, self: selfDir }
    if (isMePrimary(from)) return { fromMe: true, remote: to }
    return { fromMe: isToSelf, remote: from }
  }
  class MsgKey {
    constructor(facts) {
      const { from, to, remote, id, participant, fromMe } = facts
      const isByEnds = from != null && to != null && Boolean(id)
      const isByRemote = fromMe !== undefined && remote != null && Boolean(id)
      const { getMaybeMePnUser, isMePrimary } = use('WAWebUserPrefsMeUser')
      if (getMaybeMePnUser() === undefined) throw new Error('MsgKey error: me is undefined')
      if (isByEnds && isByRemote) throw new Error('MsgKey error: unclear which constructor to use')
      if (!isByEnds && !isByRemote)
        throw new Error("MsgKey error: don't have a matching constructor")
      const wids = isByEnds ? [from, to] : [remote]
      if (
        wids.some((wid) => !(wid instanceof Wid)) ||
        (participant && !(participant instanceof Wid))
      ) {
        throw new Error('MsgKey error: something is not a wid')
      }
      const ends = isByEnds ? fromEnds(facts) : { fromMe, remote }
      if (isByRemote && isMePrimary(remote)) ends.self = fromMe ? 'out' : 'in'
      this.fromMe = ends.fromMe
      this.remote = ends.remote
      this.id = id
      const parts = [this.fromMe, this.remote, this.id]
      if (ends.self !== undefined) {
        this.self = ends.self
        parts.push(this.self)
      }
      if (participant) {
        this.participant = participant
        parts.push(participant)
      }
      this[field] = parts.join('_')
    }
    toString() {
      return this[field]
    }
    clone() {
      return new MsgKey({
        fromMe: this.fromMe,
        remote: this.remote,
        id: this.id,
        participant: this.participant
      })
    }
    equals(other) {
      return other instanceof MsgKey && this.toString() === other.toString()
    }
    static fromString(text) {
      if (text == null) throw new Error('MsgKey.fromString error: str is null or not a string')
      return MsgKey.from(text)
    }
    static from(like) {
      if (like instanceof MsgKey) return like
      const { fromMe, remote, id, participant } =
        typeof like === 'string' ? use('WAWebParseMsgKeyString')(like) : like
      return new MsgKey({
        fromMe,
        id,
        remote: createWidFromWidLike(remote),
        participant: participant == null ? undefined : createWidFromWidLike(participant)
      })
    }
    static async newId() {
      return MsgKey.newId_DEPRECATED()
    }
    static newId_DEPRECATED() {
      const hex = [...crypto.getRandomValues(new Uint8Array(9))]
        .map((byte) => byte.toString(16).padStart(2, '0'))
        .join('')
      return `3EB0${hex}`.toUpperCase()
    }
  }
  return MsgKey
})

bundle('WAWebWidToJid', () => {
  const toJid = (wid) => wid.toJid()
  return {
    widToUserJid: toJid,
    widToGroupJid: toJid,
    widToChatJid: toJid,
    widToDeviceJid: toJid,
    widToNewsletterJid: toJid
  }
})
bundle('WAWebJidToWid', (use) => {
  const toWid = (jid) => use('WAWebWidFactory').createWid(jid)
  return {
    userJidToUserWid: toWid,
    newsletterJidToWid: toWid,
    groupJidToWid: toWid,
    chatJidToChatWid: toWid,
    deviceJidToDeviceWid: toWid
  }
})
bundle('WAJids', () => ({
  toNewsletterJid: (id) => id,
  toGroupJid: (id) => id,
  validateDomainJid: () => null
}))
