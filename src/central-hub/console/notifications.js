import { byId, say } from './dom.js'
import { nameOf } from './lead.js'
import { leadAddress } from './route.js'
import { fill, texts } from './texts.js'

/**
 * Desktop notifications. They are off until a person turns them on by the button. They never
 * contain a message, and a name only if the person wants it.
 */

const remembered = 'leadmaster-notifications'

export class Notifications {
  #isSupported = typeof Notification !== 'undefined' && isSecureContext
  /** `off`, `on`, or `names` */
  #choice = localStorage.getItem(remembered) ?? 'off'
  #toggle = byId('notify-toggle')
  #names = byId('notify-names')
  #words = byId('notify-words')

  constructor() {
    navigator.serviceWorker?.addEventListener('message', ({ data: { hash } }) => {
      location.hash = hash
    })
    this.#toggle.addEventListener('click', async () => {
      if (this.#isOn()) return this.#choose('off')
      this.#choose((await Notification.requestPermission()) === 'granted' ? 'on' : 'off')
    })
    this.#names.addEventListener('change', () => this.#choose(this.#names.checked ? 'names' : 'on'))
  }

  render() {
    say(this.#words, this.#describe())
    say(this.#toggle, this.#isOn() ? texts.notifyTurnOff : texts.notifyTurnOn)
    this.#toggle.hidden = !this.#isSupported || this.#isBlocked()
    byId('notify-names-field').hidden = !this.#isOn()
    this.#names.checked = this.#choice === 'names'
  }

  /**
   * Notifies of a new message, unless the person works in this page.
   * @param {import('../../contract/lead.ts').Lead} lead
   */
  async notify(lead) {
    if (!this.#isOn() || document.hasFocus()) return
    const title =
      this.#choice === 'names' ? fill(texts.newFrom, { name: nameOf(lead) }) : texts.newMessage
    const hash = leadAddress(lead.id)
    // The tag makes it one notification for each lead, even if several tabs show it.
    const options = { tag: `lead-${lead.id}`, icon: 'icon-192.png', data: { hash } }
    try {
      const registration = await navigator.serviceWorker?.getRegistration()
      if (registration?.active) return await registration.showNotification(title, options)
      const notification = new Notification(title, options)
      notification.onclick = () => {
        window.focus()
        location.hash = hash
        notification.close()
      }
    } catch {
      // The browser has notifications, but not for a page without a service worker (Android). The
      // page says so, and does not try again.
      this.#choose('off')
      say(this.#words, texts.notifyNone)
      this.#toggle.hidden = true
    }
  }

  #isBlocked() {
    return this.#isSupported && Notification.permission === 'denied'
  }

  #isOn() {
    return this.#isSupported && this.#choice !== 'off' && Notification.permission === 'granted'
  }

  #describe() {
    if (!this.#isSupported) return texts.notifyNone
    if (this.#isBlocked()) return texts.notifyBlocked
    return this.#isOn() ? texts.notifyOn : texts.notifyOff
  }

  /** @param {string} choice */
  #choose(choice) {
    this.#choice = choice
    localStorage.setItem(remembered, choice)
    this.render()
  }
}
