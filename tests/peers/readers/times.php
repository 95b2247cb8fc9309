<?php
// Start and end of each file's event in UTC, as sabre/vobject reads them.
require $argv[1] . '/vendor/autoload.php';
foreach (array_slice($argv, 2) as $path) {
    $event = Sabre\VObject\Reader::read(file_get_contents($path))->VEVENT;
    foreach ([$event->DTSTART, $event->DTEND] as $at) {
        echo $at->getDateTime()->setTimezone(new DateTimeZone('UTC'))->format('Ymd\THis\Z '), '';
    }
    echo "\n";
}
