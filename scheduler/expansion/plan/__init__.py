"""Planning what rows should stand: dates, candidates, conflicts, changes of existing rows."""
