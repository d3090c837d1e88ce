import { api } from './api.js'
import { byId, h, rowButton } from './dom.js'
import { errorNote } from './error.js'
import { dateTime } from './format.js'
import { LoadedList } from './loaded-list.js'
import { fill, texts } from './texts.js'

/**
 * The webhooks: their state, and buttons to test and to repeat deliveries. They are set up over
 * REST.
 */

/** @typedef {import('../../contract/webhook.ts').Webhook} Webhook */

/** @param {Webhook} webhook */
const describeState = ({ enabled, failing_since, last_success_at }) => {
  if (!enabled) return texts.webhookOff
  if (failing_since !== null)
    return fill(texts.webhookFailing, { at: dateTime(new Date(failing_since)) })
  if (last_success_at !== null)
    return fill(texts.webhookFine, { at: dateTime(new Date(last_success_at)) })
  return texts.webhookNever
}

/** @param {Webhook} webhook */
const describeQueue = ({ pending, dead }) => [
  ...(pending > 0 ? [fill(texts.webhookPending, { count: pending })] : []),
  ...(dead > 0 ? [fill(texts.webhookDead, { count: dead })] : [])
]

export class WebhookList {
  #outcome = byId('webhooks-outcome')
  #list = new LoadedList({
    box: byId('webhooks'),
    read: async () => (await api.webhooks()).webhooks,
    row: (webhook) => this.#item(webhook),
    none: () => texts.webhooksNone
  })

  render() {
    this.#list.render()
  }

  /** Reads the webhooks again. */
  load() {
    this.#outcome.replaceChildren()
    this.render()
    void this.#list.load()
  }

  /** @param {Webhook} webhook */
  #item(webhook) {
    const { url, description, failing_since, last_error } = webhook
    return h(
      'li',
      { class: 'hook' },
      h(
        'p',
        {},
        description !== '' && h('strong', {}, h('bdi', {}, description), ' '),
        h('bdi', { class: 'url' }, url)
      ),
      h(
        'p',
        { class: `small ${failing_since === null ? 'muted' : 'error'}` },
        [describeState(webhook), ...describeQueue(webhook)].join(' · ')
      ),
      failing_since !== null &&
        last_error !== null &&
        h('p', { class: 'small', lang: 'en' }, last_error),
      this.#buttons(webhook)
    )
  }

  /** @param {Webhook} webhook */
  #buttons(webhook) {
    const { id, dead } = webhook
    const ping = async () => {
      await api.pingWebhook(id)
      return texts.webhookQueued
    }
    const replay = async () => {
      const { replayed } = await api.replayWebhook(id)
      return fill(texts.webhookReplayed, { count: replayed })
    }
    return h(
      'div',
      { class: 'buttons' },
      this.#button(webhook, texts.webhookPing, ping),
      dead > 0 && this.#button(webhook, texts.webhookReplay, replay)
    )
  }

  /** @param {Webhook} webhook @param {string} text @param {() => Promise<string>} run */
  #button({ description, url }, text, run) {
    const button = rowButton(text, description || url, () => void this.#act(button, run))
    return button
  }

  /** @param {HTMLElement} button @param {() => Promise<string>} run gives the outcome as a text */
  async #act(button, run) {
    if (button.getAttribute('aria-disabled') === 'true') return
    button.setAttribute('aria-disabled', 'true')
    try {
      this.#outcome.replaceChildren(h('p', {}, await run()))
    } catch (error) {
      this.#outcome.replaceChildren(errorNote(error))
    }
    button.removeAttribute('aria-disabled')
  }
}
