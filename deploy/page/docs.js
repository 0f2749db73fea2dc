// Swagger UI on the document of the face that is chosen. Its Authorize takes the token.
'use strict';

const face = document.getElementById('face');

function draw()
{
	const url = face.value + '/openapi.json';
	const place = document.getElementById('ui');

	document.getElementById('document').href = url;
	if (typeof SwaggerUIBundle === 'undefined') {
		place.className = 'notice';
		place.textContent = 'Swagger UI is not installed here: npm install swagger-ui-dist brings it, and the folder of it is what /docs/ serves. '
			+ 'The document is there all the same, and any program that reads OpenAPI shows it.';
		return;
	}
	SwaggerUIBundle({
		url,
		domNode: place,
		validatorUrl: null,		// nothing of this leaves for another server
	});
}

// A face may be named behind the #, by its path.
function choose()
{
	const asked = [...face.options].find((option) => '#/' + option.value === location.hash);

	if (asked)
		asked.selected = true;
	draw();
}

face.addEventListener('change', () => { history.replaceState(null, '', '#/' + face.value); draw(); });
addEventListener('hashchange', choose);
choose();
