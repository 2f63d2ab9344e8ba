// The contrast of every text and every mark with its ground, by WCAG's formula: [kind, what, ratio].
() => {
  // What is drawn is read from a canvas: it turns every colour syntax into red, green and blue.
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const numbers = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const light = (rgb) =>
    rgb
      .slice(0, 3)
      .map((c) => c / 255)
      .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
      .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = numbers(at instanceof SVGElement ? "transparent" : getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) return colour;
    }
    return numbers(getComputedStyle(document.body).backgroundColor);
  };
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !one.checkVisibility({ visibilityProperty: true })) continue;
    if (one.closest(".unseen, title, .skip, option")) continue;
    const style = getComputedStyle(one);
    const colour = numbers(one instanceof SVGElement ? style.fill : style.color);
    found.push([
      "text",
      walker.currentNode.data.trim().slice(0, 40),
      ratio(light(colour), light(ground(one))),
    ]);
  }
  for (const one of document.querySelectorAll(".mark, .state .mark, input, select, button, .chart .value")) {
    if (!one.checkVisibility() || one.closest(".segments")) continue;
    const style = getComputedStyle(one);
    const kind = one.matches(".chart .value")
      ? style.stroke
      : one instanceof SVGElement
        ? style.fill
        : one.matches(".mark")
          ? style.backgroundColor
          : one.matches(".plain-button")
            ? style.color
            : style.borderTopColor;
    const under = one.matches(".mark") ? one.parentElement : one.closest(".panel, body");
    found.push(["graphic", one.outerHTML.slice(0, 60), ratio(light(numbers(kind)), light(ground(under)))]);
  }
  return found;
};
