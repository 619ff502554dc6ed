import { type MatrixTemplate, matrixTemplate, type Variant } from '../../policy/deployment.ts';
import { evaluateMatrix, type Matrix } from '../../policy/evaluate.ts';

const templates = new Map<string, MatrixTemplate>();
const matrices = new Map<string, Promise<Matrix>>();

/** What a variant is synthesized to, once. */
export function templateOf(variant: Variant): MatrixTemplate {
  const key = JSON.stringify(variant);
  const template = templates.get(key) ?? matrixTemplate(variant);
  templates.set(key, template);
  return template;
}

/** The matrix of a variant, evaluated once. */
export function matrixOf(variant: Variant): Promise<Matrix> {
  const key = JSON.stringify(variant);
  const matrix = matrices.get(key) ?? evaluateMatrix(templateOf(variant), variant);
  matrices.set(key, matrix);
  return matrix;
}
