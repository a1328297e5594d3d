/** The page's entry: styles and fonts, the state of the window, and the window itself. */
import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import './styles/tokens.css';
import './styles/base.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { forgetTextWidths } from './format/text-width.ts';
import { Postyard } from './state/postyard.svelte.ts';

const target = document.getElementById('app');
if (!target) throw new Error('Cannot start the window: the page has no #app');

const yard = new Postyard();
yard.start();
// Widths that were measured in the fallback font no longer hold once the real one is there.
void document.fonts.ready.then(forgetTextWidths);
await Promise.all([
  document.fonts.load("400 12px 'Inter Variable'"),
  document.fonts.load("400 12px 'JetBrains Mono Variable'"),
]).catch(() => undefined);
mount(App, { target, props: { yard } });
