/**
 * What the page does beyond what it shows without it: looking for entities, keys, and a look at one moment in
 * the drawings. It takes text out of the page and puts text in; it makes no HTML and asks nobody.
 */
export const script = `'use strict';
(() => {
  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const revisions = all('details.revision');

  // Keys: from one revision to the next.
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  document.addEventListener('keydown', (event) => {
    const summary = event.target.closest('details.revision > summary');
    if (summary === null || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const shown = revisions.filter((each) => !each.parentElement.hidden).map((each) => each.firstElementChild);
    const at = shown.indexOf(summary);
    const to = { Home: 0, End: shown.length - 1 }[event.key] ?? (event.key in steps ? at + steps[event.key] : undefined);
    if (to !== undefined) {
      event.preventDefault();
      shown[to]?.focus();
    } else if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
      event.preventDefault();
      summary.parentElement.open = event.key === 'ArrowRight';
    }
  });

  // A link to a revision opens it.
  const openTarget = () => {
    const target = byId(location.hash.slice(1));
    if (target?.matches('details.revision')) {
      target.open = true;
      target.firstElementChild.focus();
    }
  };
  addEventListener('hashchange', openTarget);
  openTarget();

  // Find.
  const tools = byId('tools');
  const changes = all('.change').map((element) => ({
    element,
    text: element.firstElementChild.textContent.toLowerCase(),
  }));
  const hiddenKinds = new Set();
  const find = byId('find');
  const apply = () => {
    const sought = find.value.trim().toLowerCase();
    let found = 0;
    for (const { element, text } of changes) {
      element.hidden = hiddenKinds.has(element.dataset.kind) || !text.includes(sought);
      found += element.hidden ? 0 : 1;
    }
    for (const group of all('.group')) group.hidden = group.querySelector('.change:not([hidden])') === null;
    for (const revision of revisions) {
      const has = revision.querySelector('.change:not([hidden])') !== null;
      revision.parentElement.hidden = sought !== '' && !has;
      if (sought !== '' && has) revision.open = true;
    }
    for (const day of all('.day')) day.hidden = day.querySelector('.entry:not([hidden])') === null;
    byId('found').textContent = sought === '' ? '' : found === 1 ? '1 change found' : found + ' changes found';
  };
  find.addEventListener('input', apply);
  for (const button of all('[data-toggles]', tools)) {
    button.addEventListener('click', () => {
      const kind = button.dataset.toggles;
      if (!hiddenKinds.delete(kind)) hiddenKinds.add(kind);
      button.setAttribute('aria-pressed', String(!hiddenKinds.has(kind)));
      apply();
    });
  }
  const openAll = (open) => () => revisions.forEach((each) => { each.open = open; });
  byId('open-all').addEventListener('click', openAll(true));
  byId('close-all').addEventListener('click', openAll(false));
  tools.hidden = false;

  // A look at one revision in the drawings.
  const course = all('[data-order]').sort((one, other) => one.dataset.order - other.dataset.order);
  const slider = byId('scrub');
  if (slider === null) return;
  const figures = all('[data-figure]');
  const drawing = byId('total');
  const look = () => {
    const revision = course[slider.value];
    const x = revision.dataset.x;
    byId('cross').setAttribute('d', 'M' + x + ' 0V200');
    byId('scrubbed').textContent = revision.dataset.label;
    slider.setAttribute('aria-valuetext', revision.dataset.label);
    byId('scrubbed-link').setAttribute('href', '#' + revision.id);
    revision.dataset.counts.split(' ').forEach((count, index) => {
      if (figures[index] !== undefined) figures[index].textContent = count;
    });
  };
  slider.addEventListener('input', look);
  drawing.addEventListener('pointermove', (event) => {
    const box = drawing.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * 1000;
    const after = course.findIndex((each) => Number(each.dataset.x) > x);
    slider.value = String(after < 0 ? course.length - 1 : Math.max(0, after - 1));
    look();
  });
  slider.parentElement.hidden = false;
  look();
})();
`;
