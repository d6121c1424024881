import { createApp } from 'vue';
import { createPinia } from 'pinia';
import App from './App.vue';
import { registerCharts } from './charts/chartSetup.js';
import { router } from './router.js';
import { openTransport } from './transport/openTransport.js';
import { transportKey } from './transport/useTransport.js';
import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/layout.css';

registerCharts();
createApp(App).provide(transportKey, openTransport()).use(createPinia()).use(router).mount('#app');
