// @ts-check
import { messageOf, signIn } from '../core/api.js';
import { fill, h, write } from '../core/dom.js';
import { t } from '../core/messages.js';

/** Asks for the password of the page. Event: `admitted`. */
class LoginForm extends HTMLElement {
  connectedCallback() {
    const password = h('input', {
      type: 'password',
      id: 'password',
      autocomplete: 'current-password',
      required: true,
      'aria-describedby': 'login-trouble',
    });
    const trouble = h('p', { class: 'trouble', id: 'login-trouble', role: 'alert' });
    const button = h('button', { class: 'main', type: 'submit' }, t('login.enter'));
    const enter = async () => {
      button.disabled = true;
      try {
        await signIn(password.value);
        this.dispatchEvent(new Event('admitted'));
      } catch (error) {
        write(trouble, messageOf(error));
        password.select();
      } finally {
        button.disabled = false;
      }
    };
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      void enter();
    };
    fill(
      this,
      h(
        'form',
        { class: 'card login', onsubmit: submit },
        h('h1', {}, t('login.title')),
        h('p', { class: 'soft' }, t('login.why')),
        // A password manager wants a name to go with it.
        h('input', {
          class: 'quiet',
          type: 'text',
          autocomplete: 'username',
          value: 'energy-monitor',
          tabindex: -1,
          'aria-hidden': 'true',
          readonly: true,
        }),
        h('label', { for: 'password' }, t('login.password')),
        password,
        trouble,
        button,
      ),
    );
    password.focus();
  }
}

customElements.define('login-form', LoginForm);
