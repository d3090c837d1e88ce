import { api } from './api.js'
import { byId, say } from './dom.js'
import { explain, texts } from './texts.js'

/** The form that asks for a name and a password, or for the token. */

const remembered = 'leadmaster-signed-in'
const rememberedWay = 'leadmaster-sign-in-way'

/**
 * Whether this browser was signed in when it was here last. Scripts cannot read the cookie of the
 * sign-in; by this mark the page knows without asking the hub whether to begin with the list or
 * with the form.
 */
export const signInMark = {
  isSet: () => localStorage.getItem(remembered) !== null,
  set: () => localStorage.setItem(remembered, 'yes'),
  remove: () => localStorage.removeItem(remembered)
}

export class SignInForm {
  #onSignedIn
  #isByToken = localStorage.getItem(rememberedWay) === 'token'
  #error = byId('sign-in-error')
  #other = byId('sign-in-other')
  #username = byId('username')
  #password = byId('password')
  #token = byId('token')
  #isWorking = false

  /** @param {() => void} onSignedIn */
  constructor(onSignedIn) {
    this.#onSignedIn = onSignedIn
    byId('sign-in-form').addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault()
      void this.#submit()
    })
    this.#other.addEventListener('click', () => {
      this.#isByToken = !this.#isByToken
      this.#showError('')
      this.render()
      this.#first().focus()
    })
  }

  /** @param {boolean} wasIn whether this page was signed in before */
  ask(wasIn) {
    say(byId('sign-in-why'), wasIn ? texts.signedOut : '')
    this.#first().focus()
  }

  render() {
    const [byName, byToken] = [byId('by-name'), byId('by-token')]
    byName.hidden = byName.disabled = this.#isByToken
    byToken.hidden = byToken.disabled = !this.#isByToken
    say(this.#other, this.#isByToken ? texts.signInByName : texts.signInByToken)
  }

  #first() {
    return this.#isByToken ? this.#token : this.#username
  }

  #secret() {
    return this.#isByToken ? this.#token : this.#password
  }

  /** @param {string} words '' for none */
  #showError(words) {
    this.#error.textContent = words
    for (const input of [this.#username, this.#password, this.#token])
      if (words === '' || input.matches(':disabled')) input.removeAttribute('aria-invalid')
      else input.setAttribute('aria-invalid', 'true')
  }

  async #submit() {
    if (this.#isWorking) return
    this.#isWorking = true
    this.#showError('')
    try {
      await (this.#isByToken
        ? api.signIn({ token: this.#token.value.trim() })
        : api.signIn({ username: this.#username.value.trim(), password: this.#password.value }))
    } catch (fault) {
      this.#showError(this.#wordsFor(fault))
      this.#secret().select()
      return
    } finally {
      this.#isWorking = false
    }
    this.#secret().value = ''
    localStorage.setItem(rememberedWay, this.#isByToken ? 'token' : 'name')
    this.#onSignedIn()
  }

  /** @param {unknown} fault */
  #wordsFor(fault) {
    const kind = /** @type {{ kind?: string }} */ (fault).kind
    if (kind === 'unauthorized') return texts.signInWrong
    if (kind === 'sign-in-failed') return texts.passwordWrong
    const { words, detail } = explain(fault)
    return `${words} ${detail}`
  }
}
