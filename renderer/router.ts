import { createRouter, createWebHashHistory } from 'vue-router';
import StartView from './views/StartView.vue';

/** Hash addresses work the same on a custom scheme and behind a web host, and a reload comes back to the same place. */
export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/', name: 'start', component: StartView, meta: { title: 'Start' } },
    {
      path: '/project/:id/design',
      name: 'design',
      component: () => import('./views/DesignView.vue'),
      meta: { title: 'Design' },
    },
    { path: '/project/:id/run', name: 'run', component: () => import('./views/RunView.vue'), meta: { title: 'Run' } },
    {
      path: '/project/:id/experts',
      name: 'experts',
      component: () => import('./views/ExpertsView.vue'),
      meta: { title: 'Experts' },
    },
    {
      path: '/project/:id/results',
      name: 'results',
      component: () => import('./views/ResultsView.vue'),
      meta: { title: 'Results' },
    },
    {
      path: '/settings',
      name: 'settings',
      component: () => import('./views/SettingsView.vue'),
      meta: { title: 'Settings' },
    },
    { path: '/:rest(.*)*', redirect: '/' },
  ],
});
