// Package question reads what people type on a command line, such as "stage:purchase",
// "event:Order Completed[total>100]", "14d" or "-30d", and makes a funnel question of it. It does
// no I/O: the clock is an argument. What a name means is left to the server.
package question
