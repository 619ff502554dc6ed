/** Moments and figures in the words of a page, in UTC: whoever reads it may be anywhere. */

const day = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'UTC',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
});
const longDay = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'UTC',
  weekday: 'long',
  day: 'numeric',
  month: 'long',
  year: 'numeric',
});
const clock = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', hour: '2-digit', minute: '2-digit' });

export const formatDay = (moment: Date) => day.format(moment);
export const formatLongDay = (moment: Date) => longDay.format(moment);
export const formatClock = (moment: Date) => clock.format(moment);
export const formatMoment = (moment: Date) => `${day.format(moment)}, ${clock.format(moment)}`;
export const formatCount = (count: number) => count.toLocaleString('en');
