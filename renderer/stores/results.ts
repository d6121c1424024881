import { ref, shallowRef } from 'vue';
import { defineStore } from 'pinia';
import type { Comparison, ExpertView, ReportView, ResultsView } from '../../src/contract/runViews.js';
import type { CommandValue } from '../../src/contract/api.js';
import type { ErrorDetails } from '../../src/contract/errors.js';
import { ask, useTransport } from '../transport/useTransport.js';
import { useNoticesStore } from './notices.js';

/** What is known of a project's results: there, not there for a stated reason, or being asked for. */
export type Loaded<T> =
  | { readonly state: 'loading' }
  | { readonly state: 'ready'; readonly value: T }
  | { readonly state: 'absent'; readonly why: ErrorDetails };

export const useResultsStore = defineStore('results', () => {
  const transport = useTransport();
  const notices = useNoticesStore();
  const experts = shallowRef<Loaded<readonly ExpertView[]>>({ state: 'loading' });
  const results = shallowRef<Loaded<ResultsView>>({ state: 'loading' });
  const reports = shallowRef<readonly ReportView[]>([]);
  const comparison = shallowRef<Comparison | null>(null);
  /** What the base logged, in the order of the compared projects. */
  const trainings = shallowRef<CommandValue<'compare.metrics'>>([]);
  const makingReport = ref(false);

  async function loadExperts(id: string): Promise<void> {
    const answer = await transport.call('experts.get', { id });
    experts.value = answer.ok ? { state: 'ready', value: answer.value } : { state: 'absent', why: answer.error };
  }

  async function loadResults(id: string): Promise<void> {
    const [answer, list] = await Promise.all([
      transport.call('results.get', { id }),
      transport.call('report.list', { id }),
    ]);
    results.value = answer.ok ? { state: 'ready', value: answer.value } : { state: 'absent', why: answer.error };
    reports.value = list.ok ? list.value : [];
  }

  /** Forgets what belongs to another project. */
  function clear(): void {
    experts.value = { state: 'loading' };
    results.value = { state: 'loading' };
    reports.value = [];
    comparison.value = null;
  }

  async function createReport(id: string): Promise<ReportView | null> {
    makingReport.value = true;
    try {
      const report = await ask(transport, 'report.create', { id });
      reports.value = await ask(transport, 'report.list', { id });
      return report;
    } catch (error) {
      notices.report(error);
      return null;
    } finally {
      makingReport.value = false;
    }
  }

  async function compare(ids: readonly string[]): Promise<void> {
    if (ids.length < 2) {
      comparison.value = null;
      return;
    }
    try {
      const [compared, metrics] = await Promise.all([
        ask(transport, 'compare', { ids: [...ids] }),
        ask(transport, 'compare.metrics', { ids: [...ids] }),
      ]);
      comparison.value = compared;
      trainings.value = metrics;
    } catch (error) {
      notices.report(error);
    }
  }

  return {
    experts,
    results,
    reports,
    comparison,
    trainings,
    makingReport,
    loadExperts,
    loadResults,
    clear,
    createReport,
    compare,
  };
});
