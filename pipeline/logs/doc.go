// Package logs follows the log groups of running services without losing or
// repeating a line, and keeps the newest lines for panels to look at.
//
// A [Tail] polls a [Source] and hands what it reads, parsed into lines, to a
// [Sink]. The [Ring] is the sink that a console uses: a bounded buffer in time
// order. A [View] shows the part of the ring that a [Filter] lets through, and
// [Signatures] fold error lines into templates, to tell which errors are new
// since a release took traffic.
//
// Everything in a [Line] is safe to draw: texts pass package sanitise when they
// are parsed. Lines are immutable once they are in a sink, so that readers may
// keep pointers to them.
package logs
