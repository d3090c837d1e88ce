import { query, request } from './request.js'

/** The hub's REST as this page calls it. Each call may throw an ApiError. */

/** @typedef {import('../../contract/lead.ts').Lead} Lead */
/**
 * @typedef {{ waiting?: string | undefined, state?: string | undefined, q?: string, tag?: string,
 * assignee?: string, source?: string, account?: string, limit?: number, fields?: string, cursor?:
 * string | null }} LeadQuery
 */

/** @param {string} path @param {AbortSignal} [signal] */
const get = async (path, signal) => (await request('GET', path, { signal })).value
/** @param {string} path @param {unknown} [body] */
const post = async (path, body) => (await request('POST', path, { body })).value
/** @param {string} path */
const remove = async (path) => (await request('DELETE', path)).value
/**
 * The first page that holds a lead, or the last one: a page of a search may be empty and yet not
 * the last.
 * @param {LeadQuery} params @param {() => boolean} isWanted false: the answer is not needed any
 * more
 * @returns {Promise<import('../../contract/lead.ts').LeadPage>}
 */
const foundLeads = async (params, isWanted) => {
  let page = await get(`/api/leads${query(params)}`)
  while (page.leads.length === 0 && page.next_cursor !== null && isWanted()) {
    page = await get(`/api/leads${query({ ...params, cursor: page.next_cursor })}`)
  }
  return page
}
/** Chromium takes its time to start, to be asked for a code, and to end, ms. */
const sessionMs = 60_000
/** A large file takes its time to send and to read, ms. */
const importMs = 120_000
/**
 * Excel's language, and the time zone of the times in it. The language is given: this file also
 * runs in a worker, which has none.
 * @param {string} language
 */
const forExcel = (language) => ({
  excel: language,
  tz: Intl.DateTimeFormat().resolvedOptions().timeZone
})
/** The page of WhatsApp Web may be loaded again, ms. */
const passkeyMs = 70_000

export const api = {
  /** @param {import('../../contract/team.ts').SignIn} given */
  signIn: (given) => post('/api/sign-in', given),
  signOut: () => post('/api/sign-out'),
  /** @returns {Promise<import('../../contract/team.ts').Me>} */
  me: () => get('/api/me'),
  /** @param {string} current_password @param {string} password the new one */
  changePassword: (current_password, password) =>
    post('/api/me/password', { current_password, password }),
  /** @returns {Promise<{ sessions: import('../../contract/team.ts').OperatorSession[] }>} */
  mySessions: () => get('/api/me/sessions'),
  /** @param {number} id */
  endMySession: (id) => remove(`/api/me/sessions/${id}`),
  /** @returns {Promise<{ operators: import('../../contract/team.ts').Operator[] }>} */
  operators: () => get('/api/operators'),
  /** @param {import('../../contract/team.ts').OperatorCreate} operator */
  addOperator: (operator) => post('/api/operators', operator),
  /** @param {number} id @param {import('../../contract/team.ts').OperatorPatch} body */
  patchOperator: (id, body) => request('PATCH', `/api/operators/${id}`, { body }),
  /** @param {number} id @param {string} password */
  setPassword: (id, password) => post(`/api/operators/${id}/password`, { password }),
  /** @param {number} id */
  removeOperator: (id) => remove(`/api/operators/${id}`),
  /**
   * @param {URLSearchParams} filters
   * @returns {Promise<{
   *   entries: import('../../contract/audit.ts').AuditEntry[],
   *   next_cursor: string | null
   * }>}
   */
  audit: (filters) => get(`/api/audit?${filters}`),
  /** @returns {Promise<{ keys: import('../../contract/team.ts').ApiKey[] }>} */
  keys: () => get('/api/keys'),
  /**
   * @param {import('../../contract/team.ts').ApiKeyCreate} key
   * @returns {Promise<import('../../contract/team.ts').ApiKeyWithSecret>}
   */
  makeKey: (key) => post('/api/keys', key),
  /** @param {number} id */
  revokeKey: (id) => remove(`/api/keys/${id}`),
  /** @param {LeadQuery} params @returns {Promise<import('../../contract/lead.ts').LeadPage>} */
  leads: (params) => get(`/api/leads${query(params)}`),
  foundLeads,
  /**
   * Tags and assignees in use. @returns {Promise<{ tags: { tag: string }[], assignees: { assignee:
   * string }[] }>}
   */
  tags: () => get('/api/tags'),
  /**
   * Where the same leads are as a file for Excel, as this person has it. @param {string} language
   * @param {LeadQuery} [params]
   */
  leadsFile: (language, params = {}) =>
    `/api/leads.csv${query({ ...params, ...forExcel(language) })}`,
  /** Where all messages are as such a file. @param {string} language */
  messagesFile: (language) => `/api/messages.csv${query(forExcel(language))}`,
  /** Where all data of a lead is as one file. @param {number} id */
  leadBundle: (id) => `/api/leads/${id}/bundle`,
  /** @param {number} id @param {AbortSignal} [signal] @returns {Promise<Lead>} */
  lead: (id, signal) => get(`/api/leads/${id}`, signal),
  /** @param {number} id @returns {Promise<{ lead: Lead, etag: string | null }>} */
  leadVersion: async (id) => {
    const { value, etag } = await request('GET', `/api/leads/${id}`)
    return { lead: value, etag }
  },
  /**
   * @param {number} id @param {import('../../contract/lead.ts').LeadPatch} patch @param {string |
   * null} etag of the lead this changes @returns {Promise<Lead>}
   */
  patchLead: async (id, patch, etag) =>
    (await request('PATCH', `/api/leads/${id}`, { body: patch, ifMatch: etag })).value,
  /** @param {number} id @returns {Promise<Lead>} */
  markRead: (id) => post(`/api/leads/${id}/read`),
  /** @param {number} id @returns {Promise<Lead>} */
  setUnread: async (id) => (await request('DELETE', `/api/leads/${id}/read`)).value,
  /**
   * @param {number} id @param {string | undefined} until the id of the latest message that was seen
   * @returns {Promise<Lead>}
   */
  handle: (id, until) => post(`/api/leads/${id}/handled`, until === undefined ? {} : { until }),
  /** @param {number} id @returns {Promise<Lead>} */
  unhandle: async (id) => (await request('DELETE', `/api/leads/${id}/handled`)).value,
  /** @param {number} id @param {number} other is merged into it @returns {Promise<Lead>} */
  merge: (id, other) => post(`/api/leads/${id}/merge`, { lead_id: other }),
  /**
   * For good, with all messages and media. @param {number} id @returns
   * {Promise<import('../../contract/lead.ts').Deletion>}
   */
  deleteLead: async (id) => (await request('DELETE', `/api/leads/${id}`)).value,
  /**
   * @param {number} id @param {string | null} cursor @returns
   * {Promise<import('../../contract/lead.ts').LeadChangePage>}
   */
  history: (id, cursor) => get(`/api/leads/${id}/history${query({ limit: 20, cursor })}`),
  /**
   * The newest messages, or with a cursor the ones before, in pages as large as the hub gives.
   * @param {number} id @param {string | null} cursor @param {AbortSignal} signal @returns
   * {Promise<import('../../contract/lead.ts').MessagePage>}
   */
  messages: (id, cursor, signal) =>
    get(`/api/leads/${id}/messages${query({ limit: cursor === null ? 50 : 200, cursor })}`, signal),
  /**
   * Messages of a lead that have the words, the latest first. @param {number} id @param {string} q
   * @param {string | null} cursor @param {AbortSignal} signal @returns
   * {Promise<import('../../contract/lead.ts').MessagePage>}
   */
  foundMessages: (id, q, cursor, signal) =>
    get(`/api/leads/${id}/messages${query({ limit: 200, q, cursor })}`, signal),
  /**
   * Where the bytes of a message's media are. @param {import('../../contract/lead.ts').Message}
   * message @param {'download'} [how]
   */
  media: ({ id, account }, how) =>
    `/api/messages/${encodeURIComponent(id)}/media${query({ account, download: how && 'true' })}`,
  /**
   * The bytes of the file as they are: the hub finds out their encoding. @param {File} file
   * @returns {Promise<import('../../contract/lead.ts').ImportResult>}
   */
  importNames: async (file) =>
    (
      await request('POST', '/api/leads/import', {
        body: file,
        type: 'text/csv',
        withinMs: importMs
      })
    ).value,
  /**
   * @param {number} days @param {string} tz @returns
   * {Promise<import('../../contract/lead.ts').Stats>}
   */
  stats: (days, tz) => get(`/api/stats${query({ days, tz })}`),
  /** Those that are not over. @returns {Promise<import('../../contract/alarm.ts').AlarmPage>} */
  alarms: () => get('/api/alarms?open=true&limit=200'),
  /** @param {number} id */
  acknowledgeAlarm: (id) => post(`/api/alarms/${id}/acknowledge`),
  /** @returns {Promise<{ rules: import('../../contract/alarm.ts').AlarmRule[] }>} */
  alarmRules: () => get('/api/alarm-rules'),
  /** @param {object} rule */
  addAlarmRule: (rule) => request('POST', '/api/alarm-rules', { body: rule }),
  /** @param {number} id @param {object} patch */
  changeAlarmRule: (id, patch) => request('PATCH', `/api/alarm-rules/${id}`, { body: patch }),
  /** @param {number} id */
  removeAlarmRule: (id) => request('DELETE', `/api/alarm-rules/${id}`),
  /** @returns {Promise<import('../../contract/webhook.ts').WebhookList>} */
  webhooks: () => get('/api/webhooks'),
  /** @param {number} id */
  pingWebhook: (id) => post(`/api/webhooks/${id}/ping`),
  /** @param {number} id @returns {Promise<import('../../contract/webhook.ts').Replayed>} */
  replayWebhook: (id) => post(`/api/webhooks/${id}/replay`),
  /** @returns {Promise<import('../../contract/session.ts').Accounts>} */
  accounts: () => get('/api/whatsapp/accounts'),
  /** The session of one account; of the first without a name. @param {string} [account] */
  session: (account) => {
    const at =
      account === undefined
        ? '/api/whatsapp'
        : `/api/whatsapp/accounts/${encodeURIComponent(account)}`
    return {
      /** @returns {Promise<import('../../contract/session.ts').Qr>} */
      qr: () => get(`${at}/qr`),
      /**
       * @param {string} phone @returns {Promise<{ code: string, phone: string, generated_at:
       * string, expires_at: string }>}
       */
      pairingCode: async (phone) =>
        (await request('POST', `${at}/pairing-code`, { body: { phone }, withinMs: sessionMs }))
          .value,
      /** @returns {Promise<import('../../contract/session.ts').Passkey>} */
      passkey: () => get(`${at}/passkey`),
      /**
       * @param {unknown} answer what the operator's own browser gave @returns
       * {Promise<import('../../contract/session.ts').Passkey>}
       */
      answerPasskey: async (answer) =>
        (await request('POST', `${at}/passkey`, { body: answer, withinMs: passkeyMs })).value,
      /**
       * @param {'confirm' | 'restart' | 'cancel'} order @returns
       * {Promise<import('../../contract/session.ts').Passkey>}
       */
      passkeyOrder: async (order) =>
        (await request('POST', `${at}/passkey/${order}`, { withinMs: passkeyMs })).value,
      connect: () => post(`${at}/connect`),
      /** @param {boolean} logout */
      disconnect: async (logout) =>
        (
          await request('POST', `${at}/disconnect${logout ? '?logout=true' : ''}`, {
            withinMs: sessionMs
          })
        ).value
    }
  },
  /** @returns {Promise<import('../../contract/lead.ts').Readiness>} */
  ready: async () => (await request('GET', '/ready', { also: 503 })).value
}
