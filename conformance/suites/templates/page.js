'use strict';
(() => {
  const bar = document.getElementById('bar');
  const counts = document.getElementById('counts');
  const search = document.getElementById('search');
  const shown = document.getElementById('shown');
  const selects = [...bar.querySelectorAll('select')];
  const boxes = counts ? [...counts.querySelectorAll('input')] : [];
  const cases = [...document.querySelectorAll('details.case')].map((node) => ({
    node,
    text: [...node.querySelectorAll('.s')].map((part) => part.textContent).join(' ').toLowerCase(),
  }));

  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let count = 0;
    for (const { node, text } of cases) {
      const fits = (boxes.length === 0 || verdicts.has(node.dataset.verdict))
        && selects.every((select) => select.value === '' || node.dataset[select.name] === select.value)
        && words.every((word) => text.includes(word));
      node.hidden = !fits;
      count += fits ? 1 : 0;
    }
    shown.textContent = `${count} of ${cases.length} cases shown`;
  };

  const visible = () => cases.map(({ node }) => node).filter((node) => !node.hidden);
  const go = (step) => {
    const nodes = visible();
    const at = nodes.findIndex((node) => node.contains(document.activeElement));
    const next = nodes[at < 0 ? (step > 0 ? 0 : nodes.length - 1) : at + step];
    if (next) next.querySelector('summary').focus();
  };

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const typing = event.target instanceof Element && event.target.matches('input[type=search], select');
    if (event.key === 'Escape' && event.target === search) {
      search.value = '';
      apply();
      search.blur();
    } else if (typing) {
      return;
    } else if (event.key === '/') {
      event.preventDefault();
      search.focus();
    } else if (event.key === 'j' || event.key === 'k') {
      event.preventDefault();
      go(event.key === 'j' ? 1 : -1);
    }
  });
  document.getElementById('open').addEventListener('click', () => {
    for (const node of visible().slice(0, 100)) node.open = true;
  });
  document.getElementById('close').addEventListener('click', () => {
    for (const { node } of cases) node.open = false;
  });
  const named = () => {
    const node = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (node && node.matches('details.case')) {
      node.hidden = false;
      node.open = true;
      node.scrollIntoView();
      // What comes into view only now gets its real height.
      requestAnimationFrame(() => requestAnimationFrame(() => node.scrollIntoView()));
    }
  };
  search.addEventListener('input', apply);
  for (const control of [...selects, ...boxes]) control.addEventListener('change', apply);
  addEventListener('hashchange', named);
  bar.hidden = false;
  apply();
  named();
})();
