// @ts-check

const LEAST_PX = 8;

/**
 * A finger that is drawn across a chart chooses a stretch, as a mouse does; up and down still scrolls the page.
 * @param {HTMLElement} over
 * @param {{select(left: number, right: number): void, selected(): void}} plot
 */
export function chooseByTouch(over, plot) {
  /** @type {{id: number, x: number} | undefined} */
  let begun;
  over.style.touchAction = 'pan-y';
  const leftOf = (/** @type {PointerEvent} */ event) =>
    Math.max(0, Math.min(over.clientWidth, event.clientX - over.getBoundingClientRect().left));
  over.addEventListener('pointerdown', (event) => {
    if (event.pointerType !== 'mouse') begun = { id: event.pointerId, x: leftOf(event) };
  });
  over.addEventListener('pointermove', (event) => {
    if (begun?.id !== event.pointerId) return;
    const at = leftOf(event);
    if (Math.abs(at - begun.x) > LEAST_PX) plot.select(begun.x, at);
  });
  over.addEventListener('pointerup', (event) => {
    if (begun?.id !== event.pointerId) return;
    if (Math.abs(leftOf(event) - begun.x) > LEAST_PX) plot.selected();
    begun = undefined;
  });
  over.addEventListener('pointercancel', () => {
    begun = undefined;
    plot.select(0, 0);
  });
}
