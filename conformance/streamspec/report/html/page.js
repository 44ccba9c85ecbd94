"use strict";
(() => {
document.documentElement.classList.add("script");
{% include "tools.js" %}
{% include "matrix.js" %}
{% include "timeline.js" %}
{% include "wire.js" %}
{% include "evidence.js" %}
})();
