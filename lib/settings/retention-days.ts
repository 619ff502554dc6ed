/** Numbers of days that CloudWatch keeps logs for (CloudWatch Logs API Reference, PutRetentionPolicy). */
export type RetentionDays =
  | (1 | 3 | 5 | 7 | 14 | 30 | 60 | 90 | 120 | 150 | 180 | 365 | 400 | 545 | 731)
  | (1096 | 1827 | 2192 | 2557 | 2922 | 3288 | 3653);

export const retentionDays: readonly RetentionDays[] = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];
