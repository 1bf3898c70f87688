// The view library: everything that is shown is made here, as text and elements, never from markup.
import { h, render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import htm from 'htm';

export const html = htm.bind(h);
export { render, useEffect, useRef, useState };
