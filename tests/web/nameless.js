// Controls and pictures that have no name for a screen reader.
() =>
  [
    ...document.querySelectorAll(
      'a, button, input, select, summary, dialog, [tabindex="0"], [role="img"], img',
    ),
  ]
    .filter((one) => one.checkVisibility())
    .filter((one) => {
      const by = (one.getAttribute("aria-labelledby") || "")
        .split(" ")
        .map((id) => document.getElementById(id)?.textContent || "");
      const labels = [...(one.labels || [])].map((label) => label.textContent);
      const content = one.matches("a, button, summary") ? one.textContent : "";
      return ![one.getAttribute("aria-label"), one.getAttribute("alt"), content, ...by, ...labels].some(
        (text) => text?.trim(),
      );
    })
    .map((one) => one.outerHTML.slice(0, 120));
