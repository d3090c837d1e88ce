/** Ids: of users, groups and chats (Wid), and of messages (MsgKey). Plain data with methods, as they cross to Node. */
__d('WAWebWid', () => {
  class Wid {
    constructor(id) {
      const [user, server] = id.split('@')
      const [name, device] = user.split(':')
      this.server = server
      this.user = name
      if (device !== undefined) this.device = Number(device)
      this._serialized = id
    }
    toString() {
      return this._serialized
    }
    toJid() {
      return this._serialized.replace('@c.us', '@s.whatsapp.net')
    }
    equals(other) {
      return this._serialized === other?._serialized
    }
    isUser() {
      return this.server === 'c.us' || this.server === 'lid'
    }
    isLid() {
      return this.server === 'lid'
    }
    isRegularUser() {
      return this.isUser()
    }
    isGroup() {
      return this.server === 'g.us'
    }
    isBroadcast() {
      return this.server === 'broadcast'
    }
    isStatus() {
      return this._serialized === 'status@broadcast'
    }
    isNewsletter() {
      return this.server === 'newsletter'
    }
    isBot() {
      return this.server === 'bot'
    }
  }
  return Wid
})

__d('WAWebWidFactory', (use) => {
  const Wid = use('WAWebWid')
  const valid = /^[\w.-]+(:\d+)?@(c\.us|lid|g\.us|broadcast|newsletter|bot|call)$/
  const createWid = (id) => {
    if (id instanceof Wid) return id
    const given = typeof id === 'object' && id !== null ? id._serialized : id
    const text = String(given).replace(/@s\.whatsapp\.net$/, '@c.us')
    if (!valid.test(text)) throw new Error(`wid error: invalid wid ${given}`)
    return new Wid(text)
  }
  const asUserWidOrThrow = (wid) => {
    if (!wid?.isUser?.()) throw new Error('wid is not a user')
    return wid
  }
  return { createWid, createWidFromWidLike: createWid, asUserWidOrThrow, createUserWid: (user, server = 'c.us') => new Wid(`${user}@${server}`), isWidlike: (id) => typeof id?._serialized === 'string' }
})

__d('WAWebMsgKey', (use) => {
  const { createWid } = use('WAWebWidFactory')
  class MsgKey {
    constructor({ from, to, remote, id, participant, fromMe, selfDir }) {
      this.fromMe = fromMe ?? (selfDir === 'out' || use('WAWebUserPrefsMeUser').isMeAccount(from))
      this.remote = createWid(remote ?? (this.fromMe ? to : from))
      this.id = id
      if (participant != null) this.participant = createWid(participant)
      this._serialized = [this.fromMe, this.remote, id, ...(participant == null ? [] : [this.participant])].map(String).join('_')
    }
    toString() {
      return this._serialized
    }
    equals(other) {
      return this._serialized === other?._serialized
    }
    static fromString(text) {
      const [fromMe, remote, id, participant] = text.split('_')
      return new MsgKey({ fromMe: fromMe === 'true', remote, id, participant })
    }
    static from(like) {
      return like instanceof MsgKey ? like : new MsgKey(like)
    }
    static async newId() {
      return `3EB0${[...crypto.getRandomValues(new Uint8Array(9))].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`.toUpperCase()
    }
  }
  return MsgKey
})

__d('WAWebWidToJid', () => ({ widToUserJid: (wid) => wid.toJid(), widToGroupJid: (wid) => wid.toJid(), widToChatJid: (wid) => wid.toJid() }))
__d('WAWebJidToWid', (use) => {
  const toWid = (jid) => use('WAWebWidFactory').createWid(jid)
  return { userJidToUserWid: toWid, newsletterJidToWid: toWid, groupJidToGroupWid: toWid }
})
__d('WAJids', () => ({ toNewsletterJid: (id) => id, toUserJid: (id) => id, toGroupJid: (id) => id }))
