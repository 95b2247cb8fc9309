<?php
// What sabre/vobject's iTIP broker makes of the calendar files that it is given in order:
// php broker.php FOLDER-OF-COMPOSER FILE… One line a file: `none`, or start and status.
require $argv[1] . '/vendor/autoload.php';
use Sabre\VObject\ITip\{Broker, Message};
use Sabre\VObject\Reader;

$entry = null;
foreach (array_slice($argv, 2) as $path) {
    $calendar = Reader::read(file_get_contents($path));
    $message = new Message();
    $message->component = 'VEVENT';
    $message->method = (string) $calendar->METHOD;
    $message->uid = (string) $calendar->VEVENT->UID;
    $message->sequence = (string) $calendar->VEVENT->SEQUENCE;
    $message->sender = (string) $calendar->VEVENT->ORGANIZER;
    $message->recipient = 'mailto:student@school.example';
    $message->message = $calendar;
    $entry = (new Broker())->processMessage($message, $entry) ?: $entry;
    echo $entry === null ? "none" : $entry->VEVENT->DTSTART . ' ' . $entry->VEVENT->STATUS, "\n";
}
