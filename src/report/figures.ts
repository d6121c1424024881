import type { Figure } from './chart.js';
import { budgetFigure, groupLossFigure, snrFigure } from './groupFigures.js';
import { timestepLossFigure } from './timestepLossFigure.js';
import { qualityFigure } from './qualityFigure.js';
import type { ReportModel } from './reportModel.js';
import { trainingComputeFigure } from './trainingComputeFigure.js';
import { trainingFigure } from './trainingFigure.js';

/** The figures of a report in the order of the page; those without data are left out. */
export function reportFigures(model: ReportModel): Figure[] {
  return [
    qualityFigure(model),
    trainingComputeFigure(model),
    ...(model.groups.length > 0 ? [snrFigure(model), budgetFigure(model)] : []),
    groupLossFigure(model),
    timestepLossFigure(model),
    trainingFigure(model),
  ].filter((figure) => figure !== null);
}
