"""Services reached by HTTP: Apprise's plugins prepare the request, our connections carry it."""
